package events

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watcher tells when something in a directory changes.
type watcher struct{ file *os.File }

func watch(dir string) (*watcher, error) {
	// A directory of ours that the first container would make.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	const changes = unix.IN_MODIFY | unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	if _, err := unix.InotifyAddWatch(fd, dir, changes); err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "inotify_add_watch", Path: dir, Err: err}
	}
	return &watcher{os.NewFile(uintptr(fd), "inotify")}, nil
}

func (w *watcher) close() { w.file.Close() }

// patience is after how long the clock is looked at again: it may have been set.
const patience = 30 * time.Second

// wait returns after a change, at the time until at the latest, or with the context. It may
// return early.
func (w *watcher) wait(ctx context.Context, until time.Time) error {
	deadline := time.Now().Add(patience)
	if left := time.Until(until); !until.IsZero() && left < patience {
		deadline = time.Now().Add(max(left, 0))
	}
	if err := w.file.SetReadDeadline(deadline); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var changes [4096]byte // what changed does not matter
	_, err := w.file.Read(changes[:])
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
