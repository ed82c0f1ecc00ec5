package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	storage "go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/index"
)

// The library syncs its lists and not the files of layers: after a power cut a layer may be on record whose files are empty. So
// a layer's record says in which boot it was committed, Sync notes until when all of them are on disk, and whoever looks
// for a layer of an earlier boot that was committed after that finds none: it is fetched or built anew, into its old
// place. AddImage calls Sync first, so that images are never affected.

// flagBoot is the id of the boot in which a layer was committed.
const flagBoot = "rc-boot"

// bootID is another one after each boot; "" where the kernel does not say, and nothing is doubted.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(id))
}

// syncedName is the file with the time of the last Sync, below the store's root.
const syncedName = "synced"

// Sync has everything that was committed so far written to disk. It does nothing where this process has committed nothing.
func (s *Store) Sync(ctx context.Context) error { return s.sync(ctx, false) }

// syncTo does so as well if others have committed a layer of this stack, and may have been killed since.
func (s *Store) syncTo(ctx context.Context, top string) error {
	for top != "" {
		l, err := s.lib.Layer(top)
		if err != nil {
			break // whoever needs it will tell
		}
		if l.Created.After(s.synced) {
			return s.sync(ctx, true)
		}
		top = l.Parent
	}
	return s.sync(ctx, false)
}

func (s *Store) sync(ctx context.Context, anyway bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dirty && !anyway {
		return nil
	}
	now := time.Now().UTC()
	dir, err := os.Open(s.cfg.StorageRoot())
	if err != nil {
		return fmt.Errorf("sync the image store: %w", err)
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return full(fmt.Errorf("sync the image store: %w", err))
	}
	if err := s.writeSynced(ctx, now); err != nil {
		return full(fmt.Errorf("sync the image store: %w", err))
	}
	s.dirty, s.synced = false, now
	return nil
}

// writeSynced notes the time so that it is there after a power cut, unless another process was later.
func (s *Store) writeSynced(ctx context.Context, at time.Time) error {
	path := filepath.Join(s.cfg.StorageRoot(), syncedName)
	lock, err := index.Flock(ctx, path+".lock", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Release()
	if other, err := s.readSynced(); err != nil || other.After(at) {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, at.Format(time.RFC3339Nano))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	return err
}

// readSynced is the time of the last Sync; zero where there was none.
func (s *Store) readSynced() (time.Time, error) {
	data, err := os.ReadFile(filepath.Join(s.cfg.StorageRoot(), syncedName))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339Nano, string(bytes.TrimSpace(data)))
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // damaged by what it is about
	}
	return at, nil
}

// doubtful says that a layer's files may not have reached the disk before a power cut.
func (s *Store) doubtful(l *storage.Layer) bool {
	boot, ok := l.Flags[flagBoot].(string)
	if !ok || boot == s.boot || s.boot == "" || !l.Created.After(s.synced) {
		return false
	}
	s.mu.Lock()
	sure := s.sure[l.ID]
	s.mu.Unlock()
	return !sure && !s.inImage(l.ID)
}

// inImage says whether an image has the layer.
func (s *Store) inImage(id string) bool {
	images, err := s.lib.Images()
	if err != nil {
		return true // nothing is done to what may be in use
	}
	for i := range images {
		for top := images[i].TopLayer; top != ""; {
			if top == id {
				return true
			}
			l, err := s.lib.Layer(top)
			if err != nil {
				break
			}
			top = l.Parent
		}
	}
	return false
}

// committed notes that this process has made the layer, or made it anew.
func (s *Store) committed(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
	if s.sure == nil {
		s.sure = map[string]bool{}
	}
	s.sure[id] = true
}
