package linux

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNotify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	here, err := ListenNotify(f, "notify.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if info, err := os.Stat(filepath.Join(dir, "notify.sock")); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	socket := filepath.Join(dir, "notify.sock")
	if err := Notify(socket, "READY=1", write); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	data, files, err := here.Receive(4096)
	if err != nil || string(data) != "READY=1" || len(files) != 1 {
		t.Fatalf("%q, %d files, %v", data, len(files), err)
	}
	_ = files[0].Close()
	if n, err := read.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("somebody still has the file: %v", err)
	}
	if err := Notify(socket, strings.Repeat("x", 4097)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := here.Receive(4096); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
}

func TestNotifyAbstract(t *testing.T) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	name := "@rc-test-" + filepath.Base(t.TempDir()) + "-" + filepath.Base(filepath.Dir(t.TempDir()))
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
		t.Fatal(err)
	}
	if err := Notify(name, "READY=1"); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 16)
	if n, err := unix.Read(fd, data); err != nil || string(data[:n]) != "READY=1" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestNotifyFails(t *testing.T) {
	for socket, want := range map[string]string{
		"": "want a path", "vsock:2:1": "want a path", "/nonexistent/notify": "no such file", "/dev/notify": "no such file",
	} {
		if err := Notify(socket, "READY=1"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", socket, err, want)
		}
	}
}
