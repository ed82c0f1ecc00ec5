package linux

import (
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTerminalOpens(t *testing.T) {
	ptmx, err := unix.Open("/dev/ptmx", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(ptmx)
	master, slave, err := OpenTerminal(ptmx)
	if err != nil {
		t.Skip(err) // a devpts whose ptmx is closed to us
	}
	defer master.Close()
	if err := SetWindowSize(master, 11, 22); err != nil {
		t.Fatal(err)
	}
	size, err := unix.IoctlGetWinsize(int(slave.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Row != 11 || size.Col != 22 {
		t.Errorf("%v, %v", size, err)
	}
	if _, err := slave.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4)
	if n, err := master.Read(buf); err != nil || string(buf[:n]) != "x" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	_ = slave.Close()
	if _, err := master.Read(buf); !errors.Is(err, unix.EIO) && !errors.Is(err, io.EOF) {
		t.Errorf("after the last close: %v", err)
	}
}

func TestCapabilitiesOfThread(t *testing.T) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // thrown away with what is done to it
		_, permitted, _, err := Capabilities()
		var s Script
		ScriptCapabilities(&s, func(err error) error { return err }, permitted&^1, 0, 0)
		err = errors.Join(err, s.Run())
		effective, still, inheritable, getErr := Capabilities()
		if effective != still || still != permitted&^1 || inheritable != 0 {
			err = errors.Join(err, errors.New("the sets are not what was set"))
		}
		done <- errors.Join(err, getErr)
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLoadSeccompRefusesNonsense(t *testing.T) {
	for _, filter := range [][]byte{nil, make([]byte, 7), make([]byte, 8*70000)} {
		if err := LoadSeccomp(filter); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%d bytes: %v", len(filter), err)
		}
	}
}

func TestGroupMapped(t *testing.T) {
	done := make(chan [2]bool)
	go func() {
		runtime.LockOSThread()
		before, _ := unix.SetfsgidRetGid(-1)
		mapped := GroupMapped(os.Getgid())
		after, _ := unix.SetfsgidRetGid(-1)
		done <- [2]bool{mapped, before == after}
	}()
	if got := <-done; got != [2]bool{true, true} {
		t.Errorf("mapped, unchanged: %v", got)
	}
}

func TestReadOnlyExe(t *testing.T) {
	exe, err := ReadOnlyExe()
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	copied, err := sealedCopy("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	for _, f := range []*os.File{exe, copied} {
		w, err := os.OpenFile(FDPath(int(f.Fd())), os.O_WRONLY, 0)
		if err == nil {
			_, err = w.Write([]byte("x"))
			_ = w.Close()
		}
		if err == nil {
			t.Errorf("%s can be written to", f.Name())
		}
		if err := unix.Access(FDPath(int(f.Fd())), unix.X_OK); err != nil {
			t.Errorf("%s cannot be executed: %v", f.Name(), err)
		}
	}
}
