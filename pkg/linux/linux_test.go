package linux

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMessagesCarryFiles(t *testing.T) {
	a, b, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	m, err := SealedMemfd("plan", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Send(a, []byte("x"), m); err != nil {
		t.Fatal(err)
	}
	data, files, err := Receive(b, 10)
	if err != nil || string(data) != "x" || len(files) != 1 {
		t.Fatalf("got %q, %d files, %v", data, len(files), err)
	}
	got, err := ReadMemfd(files[0])
	if err != nil || !bytes.Equal(got, []byte("hello")) {
		t.Fatalf("memfd: %q, %v", got, err)
	}
	if _, err := m.Write([]byte("y")); !errors.Is(err, unix.EPERM) {
		t.Errorf("write to a sealed memfd: %v, want EPERM", err)
	}
	if err := Send(a, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Receive(b, 10); err == nil {
		t.Error("a message longer than the limit was accepted")
	}
	_ = a.Close()
	if _, _, err := Receive(b, 10); !errors.Is(err, io.EOF) {
		t.Errorf("after close: %v, want EOF", err)
	}
}

func TestAlive(t *testing.T) {
	start, err := StartTime(os.Getpid())
	if err != nil || start == 0 {
		t.Fatal(start, err)
	}
	if !Alive(os.Getpid(), start) || Alive(os.Getpid(), start+1) || Alive(1<<30, start) {
		t.Error("Alive confuses processes")
	}
}

func TestKernelAtLeast(t *testing.T) {
	if !KernelAtLeast(2, 6) || !KernelAtLeast(4, 99) || KernelAtLeast(99, 0) {
		t.Error("KernelAtLeast misreads the release")
	}
}

func TestSignal(t *testing.T) {
	for name, want := range map[string]unix.Signal{
		"TERM": 15, "SIGTERM": 15, "sigkill": 9, "15": 15, "64": 64, "RTMIN": 34, "SIGRTMIN+3": 37, "rtmax-1": 63,
	} {
		if got, err := Signal(name); err != nil || got != want {
			t.Errorf("Signal(%q) = %d, %v; want %d", name, got, err, want)
		}
	}
	for _, name := range []string{"", "0", "65", "-1", "SIG", "FOO", "RTMIN-1", "RTMAX+1", "RTMIN+x", "RTMIN*2"} {
		if got, err := Signal(name); err == nil {
			t.Errorf("Signal(%q) = %d, want an error", name, got)
		}
	}
}
