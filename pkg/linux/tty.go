package linux

import (
	"os"

	"golang.org/x/sys/unix"
)

// OpenTerminal makes a new terminal in the devpts instance that the descriptor of a ptmx
// node belongs to, and returns both ends, close-on-exec. The slave is opened through the
// master (TIOCGPTPEER, Linux 4.13), so no path can lead elsewhere. ptmx stays open.
func OpenTerminal(ptmx int) (master, slave *os.File, err error) {
	// The node is opened again: an O_PATH descriptor has no device behind it.
	m, err := unix.Open(FDPath(ptmx), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("open ptmx", err)
	}
	if err := unix.IoctlSetPointerInt(m, unix.TIOCSPTLCK, 0); err != nil {
		_ = unix.Close(m)
		return nil, nil, os.NewSyscallError("unlockpt", err)
	}
	s, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(m), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		_ = unix.Close(m)
		return nil, nil, os.NewSyscallError("open terminal", errno)
	}
	return os.NewFile(uintptr(m), "master"), os.NewFile(s, "terminal"), nil
}

// SetWindowSize tells a terminal how large it is.
func SetWindowSize(terminal *os.File, rows, cols uint16) error {
	return unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
}

// SetControllingTerminal gives the calling session leader its terminal (tty_ioctl(4)).
func SetControllingTerminal(fd int) error {
	return unix.IoctlSetInt(fd, unix.TIOCSCTTY, 0)
}
