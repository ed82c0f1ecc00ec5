package shim

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// console is a terminal's master that is read until somebody wakes who waits for it: a read
// itself would keep the master open, and with it the terminal.
type console struct{ master, woken *os.File }

func watched(master *os.File) (*console, *os.File, error) {
	woken, wake, err := pipe()
	if err != nil {
		return nil, nil, err
	}
	return &console{duplicate(master), woken}, wake, nil
}

// copyConsole takes a thread: to read without one the master would have to be non-blocking,
// for those who write to it, too.
func (s *server) copyConsole(c *console) {
	defer c.woken.Close()
	if c.master == nil {
		return
	}
	defer c.master.Close()
	buf := make([]byte, smallBuffer)
	fds := []unix.PollFd{{Fd: int32(c.master.Fd()), Events: unix.POLLIN}, {Fd: int32(c.woken.Fd()), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if fds[1].Revents != 0 {
			return
		}
		if fds[0].Revents == 0 {
			continue
		}
		n, err := c.master.Read(buf)
		if n > 0 && s.output.write(stdout, buf[:n]) != nil || err != nil {
			return // EIO: the last process has closed the terminal
		}
	}
}

// hangUpConsole closes the terminal, as the end of a window does: what reads from it finds its
// end, and the session's leader gets SIGHUP.
func (s *server) hangUpConsole() {
	if s.hangUp != nil {
		_ = s.hangUp.Close()
		s.hangUp = nil
	}
	s.closeConsole()
}

func (s *server) closeConsole() {
	if s.console != nil {
		_ = s.console.Close()
		s.console = nil
	}
}
