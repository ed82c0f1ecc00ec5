package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Hold takes a container's directory as its creator does: until the file is closed nobody
// else makes, starts, sweeps or removes the container. errs.ErrInUse says that somebody has
// it at the moment, errs.ErrNotFound that there is no such directory.
func (r Root) Hold(id string) (*os.File, error) {
	f, err := os.Open(r.Dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	switch err := flock(f, unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		f.Close()
		return nil, fmt.Errorf("container %q: %w", id, errs.ErrInUse)
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock %q: %w", r.Dir(id), err)
	case !samePlace(f, r.Dir(id)):
		f.Close()
		return nil, fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	}
	return f, nil
}

// holdPoll is how often Lock looks again.
const holdPoll = 5 * time.Millisecond

// Lock is Hold that waits, for a container that is on record; the caller closes the Dir.
func (r Root) Lock(ctx context.Context, nameOrID string) (*Dir, error) {
	id, err := r.FindID(nameOrID)
	if err != nil {
		return nil, err
	}
	for {
		f, err := r.Hold(id)
		if err == nil {
			return &Dir{ID: id, Name: nameOrID, root: r, lock: f}, nil
		}
		if !errors.Is(err, errs.ErrInUse) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(holdPoll):
		}
	}
}

// lockFile is locked by whoever rewrites a container's record. The directory itself will not
// do for that: the rc of a container in the foreground has it for as long as that runs.
const lockFile = "lock"

// rewriting runs f while nobody else rewrites the container's record. The caller finds what
// happened before by reading the record in f.
func (r Root) rewriting(id string, f func() error) error {
	path := filepath.Join(r.Dir(id), lockFile)
	lock, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock(lock, unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %q: %w", path, err)
	}
	return f()
}
