package linux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notifyPatience is how long a message waits for a manager whose socket is full, since it hangs.
const notifyPatience = 5 * time.Second

// Notify sends a message of sd_notify(3)'s protocol, with files attached, to the socket that
// NOTIFY_SOCKET names. The files stay the caller's.
func Notify(socket, message string, files ...*os.File) error {
	rights, err := rightsOf(files)
	if err != nil {
		return err
	}
	if socket == "" || socket[0] != '/' && socket[0] != '@' {
		return fmt.Errorf("NOTIFY_SOCKET %q: want a path, or @NAME", socket)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	patience := unix.NsecToTimeval(int64(notifyPatience))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience)
	to := &unix.SockaddrUnix{Name: socket} // "@" is package unix's mark of an abstract one, too
	if strings.HasPrefix(socket, "/") {
		dir, err := os.OpenFile(filepath.Dir(socket), unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return fmt.Errorf("NOTIFY_SOCKET: %w", err)
		}
		defer func() { _ = dir.Close() }()
		to.Name = FDPath(int(dir.Fd())) + "/" + filepath.Base(socket)
	}
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Sendmsg(fd, []byte(message), rights, to, unix.MSG_NOSIGNAL)
	}
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET %q: %w", socket, err)
	}
	return nil
}

// ListenNotify makes a socket with a name in the directory dir that everybody may send messages of
// that protocol to: Receive's only.
func ListenNotify(dir *os.File, name string) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	err = unix.Bind(fd, address(dir, name))
	if err == nil {
		// A container's user may be any; who does not get at the directory does not get here.
		err = unix.Fchmodat(int(dir.Fd()), name, 0o666, 0)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen at %q: %w", name, err)
	}
	return newConn(fd)
}
