package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
)

// The library syncs its lists and not the files of layers: after a power cut a layer may be on record whose files are empty. So
// a layer has a mark, storage/unsynced/ID with the id of this boot, from before its commit until Sync has had everything
// written to disk. A layer with a mark of an earlier boot is as good as none: it is fetched or built anew, into its old
// place. AddImage syncs first, so that layers of images are never doubted.

// bootID is another one after each boot; "" where the kernel does not say, and nothing is doubted.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(id))
}

func (s *Store) unsyncedDir() string { return filepath.Join(s.cfg.StorageRoot(), "unsynced") }

// mark says that a layer may not be on disk. The caller has the lock of commits.
func (s *Store) mark(id string) error {
	if err := os.MkdirAll(s.unsyncedDir(), 0o700); err != nil {
		return err
	}
	return linux.ReplaceFile(filepath.Join(s.unsyncedDir(), id), []byte(s.boot)) // another file than before: see unmark
}

// doubtful says that a layer's files may not have reached the disk before a power cut.
func (s *Store) doubtful(id string) bool {
	boot, err := os.ReadFile(filepath.Join(s.unsyncedDir(), id))
	if errors.Is(err, fs.ErrNotExist) || string(boot) == s.boot || s.boot == "" {
		return false
	}
	return !s.inImage(id)
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

// Sync has all layers that were committed so far, by whomever, written to disk. It does nothing where they are.
func (s *Store) Sync(ctx context.Context) error {
	marks, err := s.marks(ctx)
	if err == nil && len(marks) > 0 {
		if err = s.syncFiles(); err == nil {
			err = s.unmark(ctx, marks)
		}
	}
	if err != nil {
		return full(fmt.Errorf("sync the image store: %w", err))
	}
	return nil
}

// SyncTo is Sync if a layer of this stack needs it.
func (s *Store) SyncTo(ctx context.Context, top string) error {
	for top != "" {
		if _, err := os.Lstat(filepath.Join(s.unsyncedDir(), top)); err == nil {
			return s.Sync(ctx)
		}
		l, err := s.lib.Layer(top)
		if err != nil {
			return nil //nolint:nilerr // whoever needs it will tell
		}
		top = l.Parent
	}
	return nil
}

func (s *Store) syncFiles() error {
	dir, err := os.Open(s.cfg.StorageRoot())
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}

// marks are those of layers whose commits in this boot have ended.
func (s *Store) marks(ctx context.Context) ([]os.FileInfo, error) {
	entries, err := os.ReadDir(s.unsyncedDir())
	if errors.Is(err, fs.ErrNotExist) || len(entries) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lock, err := s.lockCommits(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	var marks []os.FileInfo
	for _, e := range entries {
		boot, err := os.ReadFile(filepath.Join(s.unsyncedDir(), e.Name()))
		if err != nil || string(boot) != s.boot {
			continue
		}
		if info, err := os.Lstat(filepath.Join(s.unsyncedDir(), e.Name())); err == nil {
			marks = append(marks, info)
		}
	}
	return marks, nil
}

// unmark removes marks, but not those that were made anew since for a layer that was deleted and committed again.
func (s *Store) unmark(ctx context.Context, marks []os.FileInfo) error {
	lock, err := s.lockCommits(ctx)
	if err != nil {
		return err
	}
	defer lock.Release()
	for _, m := range marks {
		path := filepath.Join(s.unsyncedDir(), m.Name())
		if now, err := os.Lstat(path); err != nil || !os.SameFile(m, now) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// sweepMarks removes the marks of layers that are no more. Nobody commits.
func (s *Store) sweepMarks() error {
	entries, err := os.ReadDir(s.unsyncedDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && s.lib.Exists(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(s.unsyncedDir(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *Store) lockCommits(ctx context.Context) (*index.Lock, error) {
	return index.Flock(ctx, filepath.Join(s.cfg.StorageRoot(), "commit.lock"), unix.LOCK_EX)
}
