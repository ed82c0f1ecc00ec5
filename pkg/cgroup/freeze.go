package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// pollStep is how often a wait for the freezer looks at its context, in milliseconds.
const pollStep = 50

// Freeze stops all processes in the cgroup and below it, and returns when they stand still:
// cgroup-v2.rst, "cgroup.freeze". Where ctx ends first, in a process that the kernel cannot
// stop just then, they are let go again: errs.ErrInUse. Signals but SIGKILL wait for Thaw.
func Freeze(ctx context.Context, dir string) error {
	events, err := os.Open(filepath.Join(dir, "cgroup.events"))
	if err != nil {
		return freezeError("freeze", dir, err)
	}
	defer events.Close()
	if err := write(dir, "cgroup.freeze", "1"); err != nil {
		return freezeError("freeze", dir, err)
	}
	for {
		buf := make([]byte, 256)
		n, err := events.ReadAt(buf, 0)
		if n == 0 && err != nil {
			return freezeError("freeze", dir, err)
		}
		if counter(buf[:n], "frozen") > 0 {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("freeze cgroup %q: its processes do not stop: %w", dir, errs.ErrInUse), Thaw(dir))
		}
		// A change of the file is an exceptional condition.
		fds := []unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}
		if _, err := unix.Poll(fds, pollStep); err != nil && !errors.Is(err, unix.EINTR) {
			return freezeError("freeze", dir, err)
		}
	}
}

// Thaw lets the processes of a frozen cgroup go on.
func Thaw(dir string) error {
	if err := write(dir, "cgroup.freeze", "0"); err != nil {
		return freezeError("thaw", dir, err)
	}
	return nil
}

func freezeError(what, dir string, err error) error {
	err = unwrapPath(err)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("%s cgroup %q: %w", what, dir, errs.ErrNotFound)
	}
	return fmt.Errorf("%s cgroup %q: %w", what, dir, err)
}
