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

// roleEnv makes the test program play a child's part.
const roleEnv = "RC_TEST_USERNS_ROLE"

func TestMain(m *testing.M) {
	if InReexec() {
		unix.Exit(reexecutedMain(os.Args[1:]))
	}
	if os.Getenv(nestedEnv) == "1" && os.Getenv(roleEnv) == "" {
		os.Unsetenv(nestedEnv)
		os.Setenv(roleEnv, "outer")
	}
	switch os.Getenv(roleEnv) {
	case "":
		m.Run()
	case "gate":
		unix.Exit(gateMain())
	case "outer":
		code, err := outerMain(os.Args[1:])
		if err != nil {
			fmt.Fprintln(os.Stderr, "Error:", err)
		}
		unix.Exit(code)
	}
}

// nestedEnv makes what Exec starts play outer again.
// gateMain waits for its ids and prints what it is.
func gateMain() int {
	if _, err := await(waitFD); err != nil {
		fmt.Fprintln(os.Stdout, err)
		return 1
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 1
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "CapEff") || strings.HasPrefix(line, "CapAmb") || strings.HasPrefix(line, "Uid") || strings.HasPrefix(line, "Gid") {
			fmt.Fprint(os.Stdout, line)
		}
	}
	return 0
}

// ordinary skips where this user cannot make a namespace with subordinate ids.
func ordinary(t testing.TB) Map {
	t.Helper()
	m, err := DefaultMap(t.Context())
	if err != nil || m.Single() || os.Geteuid() == 0 {
		skip(t, "wants an ordinary user with subordinate ids (uid %d, %v)", os.Geteuid(), err)
	}
	return m
}

func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") == "1" && os.Geteuid() != 0 {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func TestStart(t *testing.T) {
	full := ordinary(t)
	single := Map{UIDs: full.UIDs[:1], GIDs: full.GIDs[:1], direct: true}
	for name, m := range map[string]Map{"ranges": full, "single": single} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			g, err := openGate()
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			p, err := g.start(goAttached, func(child *os.File) (*Process, error) {
				return Start(t.Context(), Command{
					Path: "/proc/self/exe", Args: []string{"test"}, Env: []string{roleEnv + "=gate"},
					Stdout: w, Files: []*os.File{child},
				}, m)
			})
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			out, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			code, err := p.Wait()
			if err != nil || code != 0 {
				t.Fatalf("code %d, %v: %s", code, err, out)
			}
			all := fmt.Sprintf("%016x", uint64(1)<<len(allCaps())-1)
			for _, want := range []string{"Uid:\t0\t0\t0\t0\n", "Gid:\t0\t0\t0\t0\n", "CapEff:\t" + all, "CapAmb:\t" + all} {
				if !strings.Contains(string(out), want) {
					t.Errorf("child prints\n%s, want %q in it", out, want)
				}
			}
		})
	}
}

func TestStartExplains(t *testing.T) {
	m := ordinary(t)
	_, err := Start(t.Context(), Command{Path: "/no/such/program"}, m)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("Start: %v", err)
	}
	// A range that is not ours: newuidmap refuses, the child is ended and reaped.
	m.UIDs = append(m.UIDs[:1:1], m.UIDs[1])
	m.UIDs[1].HostID = 7
	g, err := openGate()
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	var child *Process
	_, err = g.start(goAttached, func(f *os.File) (*Process, error) {
		child, err = Start(t.Context(), Command{Path: "/proc/self/exe", Args: []string{"test"}, Env: []string{roleEnv + "=gate"}, Files: []*os.File{f}}, m)
		return child, err
	})
	if err == nil || !strings.Contains(err.Error(), "not allowed") || !strings.Contains(err.Error(), "/etc/subuid") {
		t.Errorf("Mapped: %v", err)
	}
	if err := unix.Kill(child.PID, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("child %d is still there: %v", child.PID, err)
	}
}

// TestReexecSignals: a signal reaches the re-executed program, and its parent's death ends it.
// slowMappers puts programs into PATH that take their time to write a map.
func slowMappers(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"newuidmap", "newgidmap"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nexec sleep 5\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestStartCancelled: a newuidmap that hangs, as with a dead directory service, is ended.
func TestStartCancelled(t *testing.T) {
	m := ordinary(t)
	slowMappers(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	g, err := openGate()
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	begin := time.Now()
	_, err = g.start(goAttached, func(f *os.File) (*Process, error) {
		return Start(ctx, Command{Path: "/proc/self/exe", Args: []string{"test"}, Env: []string{roleEnv + "=gate"}, Files: []*os.File{f}}, m)
	})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// TestStartOrphaned: kill -9 before the child has its ids leaves no child.
func TestStartOrphaned(t *testing.T) {
	ordinary(t)
	slowMappers(t)
	cmd := outer(t, "sleep")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	begin := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out) // ends with the child
	if err != nil || !strings.Contains(string(text), "has gone") || time.Since(begin) > 3*time.Second {
		t.Errorf("%q %v after %v", text, err, time.Since(begin))
	}
	_ = cmd.Wait()
}

// TestReexecNested: root of the default map can have the same ids once more.
// TestExec: what Exec starts has capabilities, but no ambient ones, and dies with us.
func BenchmarkStart(b *testing.B) {
	m := ordinary(b)
	for name, f := range map[string]func() error{
		// cat, because a shell looks at its ids (dash sets its uid to 65534, which then exists).
		"rc": func() error {
			g, err := openGate()
			if err != nil {
				return err
			}
			defer g.Close()
			p, err := g.start(goAttached, func(f *os.File) (*Process, error) {
				return Start(b.Context(), Command{Path: "/bin/cat", Stdin: f}, m)
			})
			if err != nil {
				return err
			}
			g.Close()
			_, err = p.Wait()
			return err
		},
		"unshare": func() error { return exec.Command("unshare", "-m", "--map-auto", "--map-root-user", "true").Run() },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
