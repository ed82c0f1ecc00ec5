package userns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const nestedEnv = "RC_TEST_USERNS_NESTED"

func outerMain(args []string) (int, error) {
	m, err := DefaultMap(context.Background())
	if err != nil {
		return 125, err
	}
	os.Unsetenv(roleEnv)
	return Reexec(context.Background(), m, args)
}

func reexecutedMain(args []string) int {
	if err := EnterReexec(); err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 1
	}
	switch args[0] {
	case "exit":
		return 42
	case "chown":
		if err := os.Chown(args[1], 1, 1); err != nil {
			fmt.Fprintln(os.Stdout, err)
			return 1
		}
	case "mount":
		if err := unix.Mount("tmpfs", args[1], "tmpfs", 0, ""); err != nil {
			fmt.Fprintln(os.Stdout, err)
			return 1
		}
	case "detached":
		// The parent has let go: fd 3 must not end us.
		sid, err := unix.Getsid(0)
		if err != nil {
			return 1
		}
		time.Sleep(100 * time.Millisecond)
		wd, err := os.Getwd()
		if err != nil {
			return 1
		}
		text := fmt.Sprint(sid == os.Getpid(), " ", os.Getuid(), " ", wd)
		if err := os.WriteFile(args[1]+".new", []byte(text), 0o600); err != nil {
			return 1
		}
		if err := os.Rename(args[1]+".new", args[1]); err != nil {
			return 1
		}
	case "exec":
		fmt.Fprintln(os.Stdout, Exec(args[1], args[1:], os.Environ()))
		return 126
	case "sleep":
		fmt.Fprintln(os.Stdout, "ready")
		time.Sleep(time.Minute)
	}
	return 0
}

func TestReexec(t *testing.T) {
	ordinary(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, int) {
		cmd := outer(t, args...)
		out, err := cmd.CombinedOutput()
		var status *exec.ExitError
		if err != nil && !errors.As(err, &status) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := run("exit"); code != 42 {
		t.Errorf("exit: code %d: %s", code, out)
	}
	if out, code := run("mount", dir); code != 0 {
		t.Errorf("mount: code %d: %s", code, out)
	}
	if out, code := run("chown", file); code != 0 {
		t.Errorf("chown: code %d: %s", code, out)
	}
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		t.Fatal(err) // also: the tmpfs mounted over it did not propagate
	}
	m := ordinary(t)
	if uid, _ := m.HostUID(1); st.Uid != uid {
		t.Errorf("owner %d, want %d", st.Uid, uid)
	}
}

func outer(t testing.TB, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleEnv+"=outer")
	return cmd
}

func TestReexecSignals(t *testing.T) {
	ordinary(t)
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			cmd := outer(t, "sleep")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ready := make([]byte, 6)
			if _, err := io.ReadFull(out, ready); err != nil || string(ready) != "ready\n" {
				t.Fatalf("%q %v", ready, err)
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			// The pipe ends when the program has ended, too.
			done := make(chan error, 1)
			go func() { _, err := io.ReadAll(out); done <- err }()
			select {
			case <-done:
			case <-time.After(5 * time.Second):
				t.Fatal("the program lives on")
			}
			_ = cmd.Wait()
			if sig == unix.SIGTERM && cmd.ProcessState.ExitCode() != 128+15 {
				t.Errorf("exit code %d, want 143", cmd.ProcessState.ExitCode())
			}
		})
	}
}

func TestReexecNested(t *testing.T) {
	m := ordinary(t)
	cmd := outer(t, "exec", "/proc/self/exe", "exec", "/bin/cat", "/proc/self/uid_map")
	cmd.Env = append(cmd.Env, nestedEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := parseMap(string(out))
	if err != nil || size(got) != m.Size() || got[0].HostID != 0 || len(got) != len(m.UIDs) {
		t.Errorf("%s: %v", out, err)
	}
}

func TestDetach(t *testing.T) {
	m := ordinary(t)
	file := filepath.Join(t.TempDir(), "told")
	if err := Detach(t.Context(), m, []string{"detached", file}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if text, err := os.ReadFile(file); err == nil {
			if string(text) != "true 0 /" {
				t.Errorf("%s", text)
			}
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the program did not get to its end")
}

func TestExec(t *testing.T) {
	ordinary(t)
	out, err := outer(t, "exec", "/bin/sh", "-c", "grep -E 'Cap(Eff|Amb|Inh)' /proc/self/status; ls /proc/self/fd; exit 5").CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 5 || strings.Contains(string(out), "CapEff:\t0000000000000000") ||
		!strings.Contains(string(out), "CapAmb:\t0000000000000000") || !strings.Contains(string(out), "CapInh:\t0000000000000000") {
		t.Errorf("%v: %s", err, out)
	}
	cmd := outer(t, "exec", "/bin/sh", "-c", "echo ready; trap '' TERM HUP INT; while :; do sleep 0.02; done")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(pipe, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := io.ReadAll(pipe); done <- err }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the command lives on")
	}
	_ = cmd.Wait()
}

func TestJoin(t *testing.T) {
	ordinary(t)
	cmd := outer(t, "exec", "/bin/sh", "-c", "echo $$; read x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := Join(t.Context(), pid, Command{Path: "/bin/sh", Args: []string{"sh", "-c", "id -u; readlink /proc/self/ns/user"}, Stdout: w})
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/user", pid))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Mapped(); err != nil || string(text) != "0\n"+want+"\n" {
		t.Errorf("%q %v, want 0 and %s", text, err, want)
	}
	if code, err := p.Wait(); code != 0 || err != nil {
		t.Error(code, err)
	}
	in.Close()
	_ = cmd.Wait()
}
