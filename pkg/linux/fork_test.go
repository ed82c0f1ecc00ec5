package linux

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// joinable is a process in a user namespace where the caller is 7, or 0.
func joinable(t *testing.T, id int) *os.File {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: id, HostID: os.Getegid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err) // no user namespaces here
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	t.Cleanup(func() { f.Close() })
	return f
}

func TestUsernsFork(t *testing.T) {
	for _, c := range []struct {
		name  string
		id    uint32
		flags uintptr
		pid   string
	}{
		{"root", 0, 0, ""},
		{"somebody", 7, 0, ""},
		{"namespaces of its own", 0, unix.CLONE_NEWNS | unix.CLONE_NEWPID, "1"},
		{"somebody with namespaces", 7, unix.CLONE_NEWUTS | unix.CLONE_NEWPID, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			f := UsernsFork{
				Userns: joinable(t, int(c.id)), UID: c.id, GID: c.id, Cloneflags: c.flags, Path: "/bin/sh",
				Argv: []string{"sh", "-c", "id -u; echo $$ $A; grep CapEff /proc/self/status; echo five >&5"}, Env: []string{"A=b", "PATH=" + os.Getenv("PATH")},
				// Each descriptor has to move, some over others.
				Files: []uintptr{2, w.Fd(), 0, ^uintptr(0), 1, w.Fd()},
			}
			pid, pidfd, err := f.Start()
			w.Close()
			if err != nil {
				t.Fatal(err)
			}
			defer pidfd.Close()
			out, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			var status unix.WaitStatus
			if _, err := unix.Wait4(pid, &status, 0, nil); err != nil || status != 0 {
				t.Errorf("%v, status %v", err, status)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if len(lines) != 4 || lines[0] != strconv.Itoa(int(c.id)) || c.pid != "" && lines[1] != c.pid+" b" || lines[3] != "five" ||
				!strings.HasSuffix(lines[2], "ffffffff") {
				t.Errorf("%q", lines)
			}
		})
	}
}

func TestUsernsForkFails(t *testing.T) {
	ns := joinable(t, 0)
	for _, flags := range []uintptr{0, unix.CLONE_NEWPID} {
		f := UsernsFork{Userns: ns, Cloneflags: flags, Path: "/nothere", Argv: []string{"x"}}
		if _, _, err := f.Start(); err == nil || err.Error() != "exec: no such file or directory" {
			t.Error(err)
		}
		f.Path, f.UID = "/bin/sh", 5
		if _, _, err := f.Start(); err == nil || !strings.HasPrefix(err.Error(), "become root of the user namespace: ") {
			t.Error(err)
		}
		f.Userns = os.Stdin
		if _, _, err := f.Start(); err == nil || !strings.HasPrefix(err.Error(), "join user namespace: ") {
			t.Error(err)
		}
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid > 0 || err != nil {
		t.Errorf("a child is left: %d, %v", pid, err) // but for the one that is joined
	}
}
