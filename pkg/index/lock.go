package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
)

// Lock is held until Release, or until the process ends.
type Lock struct{ f *os.File }

// Hold keeps images from being deleted (shared), or is the right to delete them
// (exclusive). `run` holds it shared from Resolve until the container's record exists, so
// that rmi, which looks at the records under the exclusive lock, never misses a user of an image.
func Hold(ctx context.Context, cfg *config.Config, shared bool) (*Lock, error) {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	return Flock(ctx, filepath.Join(cfg.DataRoot, "images.lock"), how)
}

// Release gives the lock back; more than once does no harm.
func (l *Lock) Release() {
	if l != nil && l.f != nil {
		l.f.Close()
		l.f = nil
	}
}

// ErrLocked is Flock's answer with LOCK_NB.
var ErrLocked = errors.New("locked by another process")

// Flock takes an flock(2) on a file that it makes where there is none. It waits in small
// steps, since a system call that blocks would not notice the end of ctx.
func Flock(ctx context.Context, path string, how int) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	wait := time.Millisecond
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return &Lock{f}, nil
		}
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		case how&unix.LOCK_NB != 0:
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, ErrLocked)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, context.Cause(ctx))
		case <-time.After(wait):
		}
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// Named says whether the locked file has its name still: nobody has deleted it, or made another one.
func (l *Lock) Named() bool {
	var open, named unix.Stat_t
	return unix.Fstat(int(l.f.Fd()), &open) == nil && unix.Lstat(l.f.Name(), &named) == nil && open.Ino == named.Ino && open.Dev == named.Dev
}

// Upgrade makes a shared lock exclusive if nobody else has it, else ErrLocked.
func (l *Lock) Upgrade() error {
	err := unix.Flock(int(l.f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		// flock(2): converting gives the old lock up first.
		if err := unix.Flock(int(l.f.Fd()), unix.LOCK_SH); err != nil {
			return fmt.Errorf("lock %s: %w", l.f.Name(), err)
		}
		return ErrLocked
	}
	return err
}

// Downgrade makes an exclusive lock shared again.
func (l *Lock) Downgrade() { _ = unix.Flock(int(l.f.Fd()), unix.LOCK_SH) }
