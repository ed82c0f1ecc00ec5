package linux

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Conn is a SOCK_SEQPACKET socket whose calls wait in Go's poller: unlike Send and Receive
// they take no thread while they wait, so that a process may have hundreds of them.
type Conn struct {
	file *os.File
	raw  syscall.RawConn
}

// NewConn takes sock over.
func NewConn(sock *os.File) (*Conn, error) {
	fd, err := unix.FcntlInt(sock.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	_ = sock.Close()
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	return newConn(fd)
}

func newConn(fd int) (*Conn, error) {
	c := &Conn{}
	var err error
	if c.file, c.raw, err = pollable(fd, "socket"); err != nil {
		return nil, err
	}
	return c, nil
}

// pollable takes over a descriptor that Go's poller can wait for.
func pollable(fd int, name string) (*os.File, syscall.RawConn, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return f, raw, nil
}

// Listen makes a socket with a name in the directory dir, mode 0600. The name may be longer
// than a socket's address, whose 108 bytes hold "/proc/self/fd/N" in the directory's place.
func Listen(dir *os.File, name string) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	// Before bind(2), which takes the socket's mode for the file's.
	err = unix.Fchmod(fd, 0o600)
	if err == nil {
		err = unix.Bind(fd, address(dir, name))
	}
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen at %q: %w", name, err)
	}
	return newConn(fd)
}

// Dial connects to what listens at name in dir. The file is blocking: for Send and Receive.
func Dial(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(fd, address(dir, name)); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect to %q: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func address(dir *os.File, name string) unix.Sockaddr {
	return &unix.SockaddrUnix{Name: FDPath(int(dir.Fd())) + "/" + name}
}

// Accept waits for the next caller and tells the user who it is, as the user namespace that
// we are in numbers users.
func (c *Conn) Accept() (conn *Conn, uid uint32, err error) {
	fd := -1
	wait := c.raw.Read(func(listener uintptr) bool {
		fd, _, err = unix.Accept4(int(listener), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ECONNABORTED)
	})
	if err = errors.Join(err, wait); err != nil {
		return nil, 0, fmt.Errorf("accept: %w", err)
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		_ = unix.Close(fd)
		return nil, 0, fmt.Errorf("accept: %w", err)
	}
	conn, err = newConn(fd)
	return conn, cred.Uid, err
}

// Send is like the function Send.
func (c *Conn) Send(data []byte, files ...*os.File) error {
	rights, err := rightsOf(files)
	if err != nil {
		return err
	}
	wait := c.raw.Write(func(fd uintptr) bool {
		err = unix.Sendmsg(int(fd), data, rights, nil, unix.MSG_NOSIGNAL)
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	})
	return sendError(errors.Join(err, wait))
}

// Receive is like the function Receive.
func (c *Conn) Receive(limit int) (data []byte, files []*os.File, err error) {
	wait := c.raw.Read(func(fd uintptr) bool {
		data, files, err = receive(int(fd), limit)
		return !errors.Is(err, unix.EAGAIN)
	})
	if err == nil && wait != nil {
		err = fmt.Errorf("receive message: %w", wait)
	}
	return data, files, err
}

// Close ends the conversation; calls that wait return.
func (c *Conn) Close() error { return c.file.Close() }

// Shutdown tells the peer at once that nothing more comes; Close does so only when nobody waits
// for the socket any more.
func (c *Conn) Shutdown() {
	_ = c.raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
}
