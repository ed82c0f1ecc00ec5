package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
)

func pinDir(cfg *config.Config) string { return filepath.Join(Dir(cfg), "pins") }

// Pin keeps layers from being deleted while a build relies on them. Release it.
type Pin struct {
	cfg *config.Config

	mu   sync.Mutex
	file *os.File
	path string
	has  map[string]bool
}

// NewPin makes a pin of nothing so far.
func NewPin(cfg *config.Config) (*Pin, error) {
	if err := os.MkdirAll(pinDir(cfg), 0o700); err != nil {
		return nil, fmt.Errorf("pin layers: %w", err)
	}
	// It gets its name when it is locked: what others find without a lock is a dead process's.
	f, err := os.CreateTemp(pinDir(cfg), ".")
	if err != nil {
		return nil, fmt.Errorf("pin layers: %w", err)
	}
	p := &Pin{cfg: cfg, file: f, path: filepath.Join(pinDir(cfg), filepath.Base(f.Name())[1:]), has: map[string]bool{}}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		p.Release()
		return nil, fmt.Errorf("pin layers: lock %s: %w", f.Name(), err)
	}
	if err := os.Rename(f.Name(), p.path); err != nil {
		p.Release()
		return nil, fmt.Errorf("pin layers: %w", err)
	}
	if _, err := Pinned(cfg); err != nil { // it deletes those of killed builds
		p.Release()
		return nil, err
	}
	return p, nil
}

// Add keeps layers, too. Whether they are there must be asked afterwards.
func (p *Pin) Add(ctx context.Context, layers ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines bytes.Buffer
	for _, id := range layers {
		if id != "" && !p.has[id] {
			fmt.Fprintln(&lines, id)
		}
	}
	if lines.Len() == 0 {
		return nil
	}
	hold, err := index.Hold(ctx, p.cfg, true)
	if err != nil {
		return err
	}
	defer hold.Release()
	if _, err := p.file.Write(lines.Bytes()); err != nil {
		return fmt.Errorf("pin layers: %w", err)
	}
	for _, id := range layers {
		p.has[id] = true
	}
	return nil
}

// Release gives all of them up.
func (p *Pin) Release() {
	_, _ = os.Remove(p.file.Name()), os.Remove(p.path) // the next reader does it else
	p.file.Close()
}

// Pinned are the layers that running builds rely on; pins of processes that are no more are deleted. Whoever is about
// to delete layers holds index.Hold exclusively.
func Pinned(cfg *config.Config) (map[string]bool, error) {
	entries, err := os.ReadDir(pinDir(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list pinned layers: %w", err)
	}
	all := map[string]bool{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || strings.HasPrefix(e.Name(), ".") && time.Since(info.ModTime()) < time.Minute {
			continue // one that is being made, or is gone
		}
		if err := readPin(filepath.Join(pinDir(cfg), e.Name()), all); err != nil {
			return nil, fmt.Errorf("list pinned layers: %w", err)
		}
	}
	return all, nil
}

// readPin adds the layers of one pin, or deletes the pin of a process that is no more.
func readPin(path string, all map[string]bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		return ignoreGone(os.Remove(path))
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		return err
	}
	data, err := os.ReadFile(path)
	for line := range bytes.Lines(data) {
		// A line that is being written is a layer that nobody has looked for yet.
		all[string(bytes.TrimSpace(line))] = true
	}
	return ignoreGone(err)
}

// Kept are the layers that records and pins name; the caller holds index.Hold exclusively.
func Kept(cfg *config.Config) (map[string]bool, error) {
	all, err := Pinned(cfg)
	if err != nil {
		return nil, err
	}
	records, err := All(cfg)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = map[string]bool{}
	}
	for _, r := range records {
		all[r.Layer] = true
	}
	return all, nil
}
