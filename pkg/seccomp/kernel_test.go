package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// childEnv makes the test binary the child that loads a program from its standard input.
const childEnv = "RC_TEST_SECCOMP_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := child(); err != nil {
			panic(err)
		}
		return
	}
	m.Run()
}

// observed is what system calls gave under the filter.
type observed struct {
	Mkdir, Unshare, Vsock, Clone3, Future unix.Errno
	Getpid                                bool
	Mode                                  int
}

// child loads the program on one thread, as the kernel wants it, and tries calls there.
func child() error {
	prog, err := os.ReadFile("/dev/stdin")
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(prog) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&prog[0]))}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&fprog))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	errno := func(nr, a, b uintptr) unix.Errno {
		_, _, e := unix.RawSyscall(nr, a, b, 0)
		return e
	}
	path := []byte("/nonexistent/dir\x00")
	var o observed
	const cwd = ^uintptr(99) // AT_FDCWD
	o.Mkdir = errno(unix.SYS_MKDIRAT, cwd, uintptr(unsafe.Pointer(&path[0])))
	o.Unshare = errno(unix.SYS_UNSHARE, unix.CLONE_NEWUSER, 0)
	o.Vsock = errno(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM)
	o.Clone3 = errno(unix.SYS_CLONE3, 0, 0)
	o.Future = errno(1000, 0, 0)
	o.Getpid = unix.Getpid() > 0
	o.Mode, _ = unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	return json.NewEncoder(os.Stdout).Encode(o)
}

// load runs the child under a program.
func load(t *testing.T, p *Profile) observed {
	t.Helper()
	prog, err := Compile(p, Options{Caps: dockerCaps})
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = w.Write(prog)
		w.Close()
	}()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stdin = r
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var o observed
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if o.Mode != 2 || !o.Getpid { // SECCOMP_MODE_FILTER
		t.Errorf("seccomp mode %d, getpid works: %v", o.Mode, o.Getpid)
	}
	return o
}

// TestLoadDefault puts a real process under the default profile.
func TestLoadDefault(t *testing.T) {
	o := load(t, defaultProfile(t))
	want := observed{
		Mkdir:   unix.ENOENT, // allowed: it is the kernel that says no
		Unshare: unix.EPERM, Vsock: unix.EPERM, Clone3: unix.ENOSYS, Future: unix.ENOSYS, Getpid: true, Mode: 2,
	}
	if o != want {
		t.Errorf("got %+v, want %+v", o, want)
	}
}

// TestLoadCustom denies one call with an error of our own.
func TestLoadCustom(t *testing.T) {
	o := load(t, &Profile{Default: Allow, Rules: []Rule{
		{Names: []string{"mkdir", "mkdirat"}, Verdict: Errno(uint16(unix.EHWPOISON))},
		{Names: []string{"socket"}, Verdict: Errno(uint16(unix.EPERM)), Args: []Arg{{0, Equal, unix.AF_VSOCK, 0}}},
	}})
	if o.Mkdir != unix.EHWPOISON || o.Vsock != unix.EPERM {
		t.Errorf("got %+v", o)
	}
}
