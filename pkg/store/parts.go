package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// partAge is how long what has arrived of a blob waits for somebody to fetch the rest.
const partAge = 7 * 24 * time.Hour

const partSuffix = ".part"

// fetchingDir has a lock for each layer that is being fetched, and what has arrived of it: DIGEST.part.
func (s *Store) fetchingDir() string { return filepath.Join(s.cfg.StorageRoot(), "fetching") }

// Part is what has arrived of a blob so far, as it was sent. It outlives a broken connection, kill -9
// and a power cut; whoever fetches the blob next goes on behind it, and verifies all of it. Close
// it, or Drop it when it is needed no more.
type Part struct {
	f    *os.File
	size int64
	lost bool // a write has failed: what follows has no place
}

// OpenPart opens, or makes, the part of a blob. It is nil where another process has it open: then that
// one keeps what arrives.
func (s *Store) OpenPart(d digest.Digest) (*Part, error) {
	dir := s.fetchingDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keep what arrives of a layer: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, d.Encoded()+partSuffix), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keep what arrives of a layer: %w", err)
	}
	if mine, err := lockPart(f); err != nil || !mine {
		f.Close()
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("keep what arrives of a layer: %w", err)
	}
	return &Part{f: f, size: info.Size()}, nil
}

// lockPart says whether the file is ours: nobody else has it, and it still has its name, which goes
// under the same lock.
func lockPart(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	var open, named unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &open); err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	err = unix.Lstat(f.Name(), &named)
	return err == nil && open.Ino == named.Ino, nil
}

// Size is how many bytes are there.
func (p *Part) Size() int64 { return p.size }

// Reader reads what is there.
func (p *Part) Reader() io.Reader { return io.NewSectionReader(p.f, 0, p.size) }

// Empty forgets what is there.
func (p *Part) Empty() error {
	p.size, p.lost = 0, false
	if err := p.f.Truncate(0); err != nil {
		return fmt.Errorf("keep what arrives of a layer: %w", err)
	}
	return nil
}

// Write appends. It never fails: a blob whose bytes cannot be kept is fetched all the same.
func (p *Part) Write(b []byte) (int, error) {
	if !p.lost {
		n, err := p.f.WriteAt(b, p.size)
		p.size += int64(n)
		p.lost = err != nil
	}
	return len(b), nil
}

// Close leaves the part to whoever comes next; an empty one is dropped.
func (p *Part) Close() {
	if p.size == 0 {
		p.Drop()
		return
	}
	p.f.Close()
}

// Drop deletes the part.
func (p *Part) Drop() {
	_ = os.Remove(p.f.Name()) // what stays, ageParts deletes
	p.f.Close()
}

// ageParts deletes parts that nobody has come back for.
func (s *Store) ageParts() error {
	entries, err := os.ReadDir(s.fetchingDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), partSuffix) || time.Since(info.ModTime()) < partAge {
			continue
		}
		f, err := os.OpenFile(filepath.Join(s.fetchingDir(), e.Name()), os.O_RDWR, 0)
		if err != nil {
			continue // it is gone
		}
		if mine, err := lockPart(f); mine && err == nil {
			_ = os.Remove(f.Name())
		}
		f.Close()
	}
	return nil
}

// sweepFetching deletes the locks of layers, and with parts what has arrived of them. Nobody pulls.
func (s *Store) sweepFetching(parts bool) error {
	entries, err := os.ReadDir(s.fetchingDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), partSuffix) && !parts {
			continue
		}
		if err := os.Remove(filepath.Join(s.fetchingDir(), e.Name())); err != nil {
			return err
		}
	}
	return nil
}
