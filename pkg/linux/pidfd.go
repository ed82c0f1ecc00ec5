package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// PidfdOpen refers to the process pid for as long as the file is open, whoever gets the
// number later. The caller closes it; unix.ESRCH says that there is none.
func PidfdOpen(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("pidfd of process %d: %w", pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// PidfdSignal sends a signal; a process that is gone is no error.
func PidfdSignal(pidfd *os.File, sig unix.Signal) error {
	err := unix.PidfdSendSignal(int(pidfd.Fd()), sig, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("signal %d: %w", int(sig), err)
	}
	return nil
}

// PidfdAwait waits for the process's end in Go's poller, without taking a thread. It does
// not reap.
func PidfdAwait(pidfd *os.File) error {
	fd, err := unix.FcntlInt(pidfd.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("pidfd: %w", err)
	}
	f, raw, err := pollable(fd, "pidfd")
	if err != nil {
		return err
	}
	defer f.Close()
	return raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// PidfdWait blocks until the process has ended or timeout milliseconds have passed (-1:
// for ever), and tells whether it has ended. It does not reap.
func PidfdWait(pidfd *os.File, timeout int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("poll pidfd: %w", err)
		}
		return n > 0, nil
	}
}

// PidfdEnd waits for a process's end until ctx is done, without a thread for it, and tells
// whether it has ended. It does not reap.
func PidfdEnd(ctx context.Context, pidfd *os.File) (bool, error) {
	fd, err := unix.FcntlInt(pidfd.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("duplicate pidfd: %w", err)
	}
	// Go's poller takes what does not block.
	if err := unix.SetNonblock(fd, true); err != nil {
		return false, errors.Join(fmt.Errorf("pidfd: %w", err), unix.Close(fd))
	}
	polled := os.NewFile(uintptr(fd), "pidfd")
	defer polled.Close()
	conn, err := polled.SyscallConn()
	if err != nil {
		return false, err
	}
	defer context.AfterFunc(ctx, func() { _ = polled.SetReadDeadline(time.Now()) })()
	ended := false
	var pollErr error
	err = conn.Read(func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		var n int
		if n, pollErr = unix.Poll(fds, 0); errors.Is(pollErr, unix.EINTR) {
			pollErr = nil
		}
		ended = n > 0
		return ended || pollErr != nil
	})
	if errors.Is(err, os.ErrDeadlineExceeded) { // perhaps before the first look
		return PidfdWait(pidfd, 0)
	}
	return ended, errors.Join(err, pollErr)
}
