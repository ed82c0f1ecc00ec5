package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/state"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// remains finds files that killed processes were writing, and directories that they were making.
func (c *checking) remains(context.Context) error {
	for _, place := range []struct{ dir, pattern string }{
		{c.cfg.DataRoot, `^(skeleton-[0-9]+\.[0-9]+|\.index\.json\.[0-9]+)$`},
		{filepath.Join(c.cfg.DataRoot, "images"), `^\.[0-9a-f]{64}\.json\.[0-9]+$`},
		{filepath.Join(c.cfg.StorageRoot(), "saved"), `^\.(images|layers)\.json\.[0-9]+$`},
		{c.cfg.StorageRoot(), `^(\.idmap\.json\.[0-9]+|\.owner-[0-9]+)$`},
	} {
		entries, err := os.ReadDir(place.dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("check %q: %w", place.dir, errors.Unwrap(err))
		}
		pattern := regexp.MustCompile(place.pattern)
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !pattern.MatchString(e.Name()) || time.Since(info.ModTime()) < state.Unfinished {
				continue
			}
			path := filepath.Join(place.dir, e.Name())
			c.found(path, "a killed process began to write it", false, func() error { return os.RemoveAll(path) })
		}
	}
	return c.staging()
}

// staging finds layers that killed pulls were unpacking: nobody has their lock.
func (c *checking) staging() error {
	base := filepath.Join(c.cfg.StorageRoot(), "staging")
	dirs, err := os.ReadDir(base)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("check %q: %w", base, errors.Unwrap(err))
	}
	for _, d := range dirs {
		path := filepath.Join(base, d.Name())
		lock, err := os.Open(filepath.Join(path, "lock"))
		if err != nil {
			continue // just made, or just removed
		}
		free := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
		lock.Close()
		if free {
			// Whoever opens the store deletes them.
			c.found(path, "layers that a killed pull was unpacking", false, func() error { return image.Refresh(context.Background(), c.cfg) })
		}
	}
	return nil
}

// index compares the image index with the store, and reads every image's record.
func (c *checking) index(ctx context.Context) error {
	problem := c.indexProblem()
	if problem == "" {
		return nil
	}
	if exists(c.cfg.StorageRoot()) {
		// Whoever changes the store has this, and writes the index at its end.
		lock, err := index.Flock(ctx, filepath.Join(c.cfg.StorageRoot(), "pulls.lock"), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, index.ErrLocked) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("check the image index: %w", err)
		}
		problem = c.indexProblem()
		lock.Release()
		if problem == "" {
			return nil
		}
	}
	c.found("the image index", problem, false, func() error {
		if err := os.Remove(c.cfg.IndexPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return image.Refresh(ctx, c.cfg)
	})
	return nil
}

func (c *checking) indexProblem() string {
	ix, err := index.Read(c.cfg)
	if err != nil {
		return err.Error()
	}
	if ix.Stale {
		return "it is older than the image store"
	}
	entries, err := ix.All()
	if err != nil {
		return err.Error()
	}
	for _, e := range entries {
		if _, err := ix.Load(e); err != nil {
			return err.Error()
		}
	}
	return ""
}

// layers finds containers whose image's layers are gone.
func (c *checking) layers(ctx context.Context) error {
	entries, _ := c.root.List() // what is broken has been reported
	for _, e := range entries {
		record, err := c.root.Load(e.ID)
		if err != nil {
			continue
		}
		for _, lower := range record.Rootfs.Lower {
			if _, err := os.Stat(lower); !errors.Is(err, os.ErrNotExist) {
				continue
			}
			c.found("container "+e.Name, fmt.Sprintf("it cannot be started: %q of its image is gone", lower), true, func() error {
				return c.removeAll(ctx, []string{e.ID})
			})
			break
		}
	}
	return nil
}

// trashWait is how long what is removed may lie about without anybody deleting it: the rc
// that removed it starts the deletion at its end.
const trashWait = 10 * time.Second

// trash finds what a killed deletion has left.
func (c *checking) trash(ctx context.Context) error {
	if !c.root.TrashWaits(trashWait) || c.root.TrashBusy() {
		return nil
	}
	c.found(c.root.TrashDir(), "files of removed containers are not being deleted", false, func() error {
		return lifecycle.EmptyTrashNow(ctx, c.cfg)
	})
	return nil
}
