package logs

import (
	"bytes"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// journald listens like the real one.
func journald(t *testing.T) (socket string, fd int) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "socket")
	return socket, listen(t, socket)
}

func listen(t *testing.T, socket string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// message takes the next message apart; nil: there is none.
func message(t *testing.T, fd int) map[string]string {
	t.Helper()
	buf, oob := make([]byte, 1<<20), make([]byte, 64)
	n, oobn, _, _, err := unix.Recvmsg(fd, buf, oob, unix.MSG_DONTWAIT)
	if err != nil {
		return nil
	}
	data := buf[:n]
	if oobn > 0 {
		cms, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			t.Fatal(err)
		}
		fds, err := unix.ParseUnixRights(&cms[0])
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fds[0]), "memfd")
		defer f.Close()
		if data, err = linux.ReadMemfd(f); err != nil {
			t.Fatal(err)
		}
	}
	fields := map[string]string{}
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, newline)
		if name, value, simple := bytes.Cut(line, []byte("=")); simple {
			fields[string(name)] = string(value)
			data = rest
			continue
		}
		n := binary.LittleEndian.Uint64(rest)
		fields[string(line)] = string(rest[8 : 8+n])
		data = rest[8+n+1:]
	}
	return fields
}

func TestJournal(t *testing.T) {
	socket, fd := journald(t)
	id := strings.Repeat("0123456789abcdef", 4)
	w, err := openJournal(Config{ID: id, Name: "web", Image: "alpine", Tag: "t=1"}, socket)
	if err != nil {
		t.Fatal(err)
	}
	common := map[string]string{
		"CONTAINER_ID": id[:12], "CONTAINER_ID_FULL": id, "CONTAINER_NAME": "web", "CONTAINER_TAG": "t=1",
		"IMAGE_NAME": "alpine", "SYSLOG_IDENTIFIER": "t=1",
	}
	check := func(want map[string]string) {
		t.Helper()
		maps.Copy(want, common)
		if d := cmp.Diff(want, message(t, fd)); d != "" {
			t.Error(d)
		}
	}
	w.Write(Stdout, []byte("one\x00=\ntw"), time.Time{})
	w.Write(Stderr, []byte("err\n"), time.Time{})
	check(map[string]string{"MESSAGE": "one\x00=", "PRIORITY": "6"})
	check(map[string]string{"MESSAGE": "err", "PRIORITY": "3"})
	w.Flush()
	check(map[string]string{"MESSAGE": "tw", "PRIORITY": "6", "CONTAINER_PARTIAL_MESSAGE": "true"})

	// More than the socket takes at once.
	if err := unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxText)
	w.Write(Stdout, []byte(long+"\n"), time.Time{})
	check(map[string]string{"MESSAGE": long, "PRIORITY": "6"})

	// Another socket in its place.
	_ = unix.Close(fd)
	w.Write(Stdout, []byte("into nothing\n"), time.Time{})
	if err := os.Remove(socket); err != nil {
		t.Fatal(err)
	}
	fd = listen(t, socket)
	w.Write(Stdout, []byte("back\n"), time.Time{})
	check(map[string]string{"MESSAGE": "rc: 13 bytes of output were lost: connection refused", "PRIORITY": "3"})
	check(map[string]string{"MESSAGE": "back", "PRIORITY": "6"})
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestJournalHangs: a journald that takes nothing makes messages get lost, once it was waited for.
func TestJournalHangs(t *testing.T) {
	socket, fd := journald(t)
	w, err := openJournal(Config{ID: "1", Name: "web"}, socket)
	if err != nil {
		t.Fatal(err)
	}
	patience := unix.NsecToTimeval(int64(10 * time.Millisecond))
	if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience); err != nil {
		t.Fatal(err)
	}
	for w.lost.bytes < 30 {
		w.Write(Stdout, []byte("012345678\n"), time.Time{})
	}
	for message(t, fd) != nil {
	}
	w.Write(Stdout, []byte("x\n"), time.Time{})
	if got := message(t, fd)["MESSAGE"]; got != "rc: 30 bytes of output were lost: resource temporarily unavailable" {
		t.Error(got)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestJournalAbsent(t *testing.T) {
	_, err := openJournal(Config{}, filepath.Join(t.TempDir(), "socket"))
	if err == nil || !strings.Contains(err.Error(), "log driver journald: ") || !strings.Contains(errs.Hint(err), "k8s-file") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

// TestOpenNothing: what cannot be opened is nothing to be closed.
func TestOpenNothing(t *testing.T) {
	if w, err := Open(Config{Driver: K8sFile, Path: filepath.Join(t.TempDir(), "none", "log")}); w != nil || err == nil {
		t.Errorf("%v, %v", w, err)
	}
}
