package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// journalSocket is where journald takes datagrams of its native protocol.
const journalSocket = "/run/systemd/journal/socket"

// journalPatience is how long a message waits for a journald that is busy. One that hangs makes
// messages get lost, not the container wait.
const journalPatience = 5 * time.Second

// journal is driver journald.
type journal struct {
	splitter

	fd     int
	to     *unix.SockaddrUnix
	fields []byte // what all messages have
	buf    []byte
	lost   loss
}

func openJournal(c Config, socket string) (*journal, error) {
	fail := func(err error) (*journal, error) {
		return nil, errs.WithHint(fmt.Errorf("log driver journald: %q: %w", socket, err), "journald does not run here: --log-driver "+K8sFile)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	w := &journal{fd: fd, to: &unix.SockaddrUnix{Name: socket}, fields: journalFields(&c)}
	w.emit = w.send
	if err := unix.Connect(fd, w.to); err != nil {
		_ = unix.Close(fd)
		return fail(err)
	}
	patience := unix.NsecToTimeval(int64(journalPatience))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience)
	return w, nil
}

// journalFields are podman's names.
func journalFields(c *Config) []byte {
	identifier := c.Tag
	if identifier == "" {
		identifier = c.Name
	}
	var b []byte
	for _, f := range [][2]string{
		{"CONTAINER_ID", c.ID[:min(len(c.ID), 12)]},
		{"CONTAINER_ID_FULL", c.ID},
		{"CONTAINER_NAME", c.Name},
		{"CONTAINER_TAG", c.Tag},
		{"IMAGE_NAME", c.Image},
		{"SYSLOG_IDENTIFIER", identifier},
	} {
		if f[1] != "" {
			b = appendField(b, f[0], []byte(f[1]))
		}
	}
	return b
}

// appendField uses the protocol's form for any bytes: the name, a newline, the length.
func appendField(b []byte, name string, value []byte) []byte {
	b = append(append(b, name...), '\n')
	b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	return append(append(b, value...), '\n')
}

// Write leaves the time to journald.
func (w *journal) Write(stream int, p []byte, _ time.Time) { w.write(stream, p) }

func (w *journal) send(stream int, text []byte, partial bool) {
	size := int64(len(text)) + 1
	if partial {
		size--
	}
	err := w.tell()
	if err == nil {
		err = w.message(stream, text, partial)
	}
	if err != nil {
		w.lost.add(size, err)
	}
}

func (w *journal) tell() error {
	if w.lost.bytes == 0 {
		return nil
	}
	if err := w.message(Stderr, w.lost.text(), false); err != nil {
		return err
	}
	w.lost = loss{}
	return nil
}

func (w *journal) message(stream int, text []byte, partial bool) error {
	b := append(w.buf[:0], w.fields...)
	if stream == Stderr {
		b = append(b, "PRIORITY=3\n"...)
	} else {
		b = append(b, "PRIORITY=6\n"...)
	}
	if partial {
		b = append(b, "CONTAINER_PARTIAL_MESSAGE=true\n"...)
	}
	b = appendField(b, "MESSAGE", text)
	w.buf = b
	err := w.datagram(b, nil)
	if errors.Is(err, unix.EMSGSIZE) || errors.Is(err, unix.ENOBUFS) {
		// More than the socket's buffer takes: a sealed file in its place.
		var f *os.File
		if f, err = linux.SealedMemfd("journal", b); err == nil {
			err = w.datagram(nil, unix.UnixRights(int(f.Fd())))
			_ = f.Close()
		}
	}
	return err
}

// datagram sends. Where journald did not listen once, nobody waits until it does again.
func (w *journal) datagram(data, oob []byte) error {
	flags := unix.MSG_NOSIGNAL
	if w.lost.bytes > 0 {
		flags |= unix.MSG_DONTWAIT
	}
	send := func() (int, error) { return unix.SendmsgN(w.fd, data, oob, nil, flags) }
	_, err := retry(send)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOTCONN) {
		// Another socket lies there since.
		if err = unix.Connect(w.fd, w.to); err == nil {
			_, err = retry(send)
		}
	}
	return err
}

func (w *journal) Flush() {
	w.flush()
	w.buf = nil
}

func (w *journal) Close() error {
	w.Flush()
	err := w.tell()
	if err != nil {
		err = fmt.Errorf("log driver journald: %d bytes of output were lost: %w", w.lost.bytes, w.lost.cause)
	}
	return errors.Join(err, unix.Close(w.fd))
}
