package steps

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
)

// Lock is held while a step is carried out.
type Lock struct {
	path string
	lock *index.Lock
}

// Acquire waits until nobody else carries out the step with this key. waits is called before if somebody does.
func Acquire(ctx context.Context, cfg *config.Config, key string, waits func()) (*Lock, error) {
	path := filepath.Join(Dir(cfg), "locks", key)
	for {
		l, err := index.Flock(ctx, path, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, index.ErrLocked) {
			if waits != nil {
				waits()
				waits = nil
			}
			l, err = index.Flock(ctx, path, unix.LOCK_EX)
		}
		if err != nil {
			return nil, err
		}
		// The one before us has deleted the file when it was done.
		if l.Named() {
			return &Lock{path: path, lock: l}, nil
		}
		l.Release()
	}
}

// Release lets the next one in.
func (l *Lock) Release() {
	if l == nil || l.lock == nil {
		return
	}
	_ = os.Remove(l.path) // an empty file that stays does no harm
	l.lock.Release()
	l.lock = nil
}

// sweepLocks deletes the files that killed processes have left.
func sweepLocks(ctx context.Context, cfg *config.Config) error {
	dir := filepath.Join(Dir(cfg), "locks")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		l, lockErr := index.Flock(ctx, filepath.Join(dir, e.Name()), unix.LOCK_EX|unix.LOCK_NB)
		if lockErr != nil {
			continue // it is in use
		}
		(&Lock{path: filepath.Join(dir, e.Name()), lock: l}).Release()
	}
	return err
}
