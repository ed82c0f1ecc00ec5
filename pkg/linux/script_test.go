package linux

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func named(what string) func(error) error {
	return func(err error) error { return errors.Join(errors.New(what), err) }
}

// shellScript is one that executes sh -c line, after more.
func shellScript(t *testing.T, line string, more func(*Script)) *Script {
	t.Helper()
	s := &Script{}
	s.Into(nil, named("clone"))
	more(s)
	path, err := s.Text("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	argv, err := s.Texts([]string{"sh", "-c", line})
	if err != nil {
		t.Fatal(err)
	}
	envv, err := s.Texts([]string{"A=b"})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(named("exec"), unix.SYS_EXECVE, path, argv, envv)
	return s
}

func TestScript(t *testing.T) {
	out, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	s := shellScript(t, "echo $A; umask; exit 7", func(s *Script) {
		s.Add(named("umask"), unix.SYS_UMASK, 0o027)
		s.Add(named("close"), unix.SYS_CLOSE, 1<<20)
		s.May(unix.EBADF)
		s.Add(named("dup"), unix.SYS_DUP3, out.Fd(), 1, 0)
	})
	pid, pidfd, err := s.Start(3)
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	if gone, err := PidfdWait(pidfd, 10_000); !gone || err != nil {
		t.Errorf("%v, %v", gone, err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || status.ExitStatus() != 7 {
		t.Errorf("%v, %v", status, err)
	}
	if data, err := os.ReadFile(out.Name()); string(data) != "b\n0027\n" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestScriptFails(t *testing.T) {
	s := shellScript(t, "exit 0", func(s *Script) {
		s.Add(named("first"), unix.SYS_GETPID)
		s.Add(named("second"), unix.SYS_CLOSE)
		s.calls[1].args[0] = 1 << 20
		s.May(unix.EINVAL)
	})
	if _, _, err := s.Start(3); !errors.Is(err, unix.EBADF) || !strings.HasPrefix(err.Error(), "second") {
		t.Errorf("%v", err)
	}
	if err := s.Run(); !errors.Is(err, unix.EBADF) || !strings.HasPrefix(err.Error(), "second") {
		t.Errorf("%v", err)
	}
}

func TestScriptLast(t *testing.T) {
	s := &Script{}
	path, err := s.Text("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("x")
	at := ^uintptr(99) // AT_FDCWD
	s.Add(named("open"), unix.SYS_OPENAT, at, path, unix.O_WRONLY)
	s.Add(named("write"), unix.SYS_WRITE, 0, Keep(s, &text[0]), 1)
	s.Last()
	if err := s.Run(); err != nil {
		t.Error(err)
	}
}
