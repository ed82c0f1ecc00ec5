package linux

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxFiles is SCM_MAX_FD of the kernel (net/scm.h): the most descriptors that one
// message carries.
const maxFiles = 253

// SocketPair makes a connected pair of SOCK_SEQPACKET sockets: message boundaries are
// kept and the end of the peer reads as io.EOF. Both are close-on-exec and blocking.
func SocketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}

// rightsOf is the control message that carries files.
func rightsOf(files []*os.File) ([]byte, error) {
	if len(files) > maxFiles {
		return nil, fmt.Errorf("send message: %d files, at most %d", len(files), maxFiles)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	return rights, nil
}

// Send writes one message with files attached. The files stay the caller's.
func Send(sock *os.File, data []byte, files ...*os.File) error {
	rights, err := rightsOf(files)
	if err != nil {
		return err
	}
	for {
		err := unix.Sendmsg(int(sock.Fd()), data, rights, nil, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return sendError(err)
		}
	}
}

func sendError(err error) error {
	if err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// ErrTooLong says that a message was longer than its reader can use; it has been taken all the same.
var ErrTooLong = errors.New("message is too long")

// Receive reads one message of at most limit bytes. The files in it are the caller's to
// close and are close-on-exec. io.EOF says that the peer is gone.
func Receive(sock *os.File, limit int) ([]byte, []*os.File, error) {
	return receive(int(sock.Fd()), limit)
}

// receive is Receive for a descriptor; unix.EAGAIN is returned as it is.
func receive(fd, limit int) ([]byte, []*os.File, error) {
	size, err := expected(fd, limit)
	if err != nil {
		return nil, nil, err
	}
	data := make([]byte, min(limit, size))
	oob := make([]byte, unix.CmsgSpace(4*maxFiles))
	for {
		n, oobn, flags, _, err := unix.Recvmsg(fd, data, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil, nil, unix.EAGAIN
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECONNRESET):
			return nil, nil, io.EOF
		case err != nil:
			return nil, nil, fmt.Errorf("receive message: %w", err)
		}
		files, err := filesOf(oob[:oobn])
		if err != nil {
			return nil, nil, err
		}
		if flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			closeAll(files)
			return nil, nil, fmt.Errorf("receive message of at most %d bytes: %w", limit, ErrTooLong)
		}
		if n == 0 && len(files) == 0 {
			return nil, nil, io.EOF
		}
		return data[:n], files, nil
	}
}

// small is a limit below which it is not worth asking how long a message is.
const small = 4 << 10

// expected is how long the next message is, so that a process which lives long does not keep
// room for the longest possible one. The error is unix.EAGAIN: a message that comes from now on may
// have any length.
func expected(fd, limit int) (int, error) {
	if limit <= small {
		return limit, nil
	}
	for {
		n, _, err := unix.Recvfrom(fd, nil, unix.MSG_PEEK|unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, unix.EAGAIN
		case err != nil || n == 0:
			return 1, nil //nolint:nilerr // the end, or an error, which receiving shows
		}
		return n, nil
	}
}

// filesOf takes the descriptors out of control messages.
func filesOf(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("receive message: control data: %w", err)
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // credentials and the like carry no files
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
