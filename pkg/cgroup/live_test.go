package cgroup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// These tests work on real cgroups: below the test's own where that is delegated (root, a unit
// with Delegate=yes), else in a scope that systemd makes for the purpose.

const inUnit = "RC_TEST_IN_UNIT"

// ground returns a cgroup of the test's own, with no process in it, that goes with the test.
// Where there is none it runs the calling test once more in a scope that has, and returns "".
func ground(t *testing.T) string {
	t.Helper()
	h, err := Find()
	if err != nil {
		absent(t, err.Error())
	}
	own, err := h.Own(0)
	if err != nil {
		absent(t, err.Error())
	}
	if unit := h.Unit(own); Delegated(unit) {
		dir := filepath.Join(unit, "rc-test-"+strings.ReplaceAll(t.Name(), "/", "-"))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := Remove(ctx, dir); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	if os.Getenv(inUnit) != "" {
		t.Fatalf("cgroup %q of the scope is not delegated", own)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes",
		self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inUnit+"=1")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil && strings.Contains(string(out), "--- PASS: "+t.Name()):
	case strings.Contains(string(out), "--- FAIL"):
		t.Errorf("in a scope:\n%s", out)
	default:
		absent(t, "no delegated cgroup, and systemd-run says: "+string(out))
	}
	return ""
}

// absent skips, or fails where everything must be there.
func absent(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// sleeper starts a process in a cgroup, by CLONE_INTO_CGROUP as the shim does.
func sleeper(t *testing.T, cgroup *os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd()), Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func open(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

var testID = strings.Repeat("0123456789abcdef", 4)

func TestLiveMakeUseEnd(t *testing.T) {
	parent := ground(t)
	if parent == "" {
		return
	}
	f, err := Make(parent, testID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Make(parent, testID, nil); !errors.Is(err, errs.ErrExists) {
		t.Errorf("a second of that name: %v", err)
	}
	dir := filepath.Join(parent, "rc-"+testID)
	cmd := sleeper(t, f)
	h, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	if own, err := h.Own(cmd.Process.Pid); own != dir || err != nil {
		t.Errorf("the process is in %q, %v", own, err)
	}
	// What the container made inside goes too.
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if on, err := Populated(f); !on || err != nil {
		t.Errorf("populated: %v, %v", on, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := Remove(ctx, dir); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("remove with a process in it: %v", err)
	}
	oom, err := End(t.Context(), f, dir)
	if oom || err != nil {
		t.Errorf("end: %v, %v", oom, err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%q is still there: %v", dir, err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the process ended with %v", err)
	}
	if _, err := End(t.Context(), f, dir); err != nil {
		t.Errorf("end once more: %v", err)
	}
	_ = f.Close()
}

func TestLiveKillWithoutCgroupKill(t *testing.T) {
	parent := ground(t)
	if parent == "" {
		return
	}
	f, err := Make(parent, testID, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := sleeper(t, f)
	if n, err := killListed(f.Name()); n != 1 || err != nil {
		t.Errorf("killed %d, %v", n, err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the process ended with %v", err)
	}
}

func TestLiveSweep(t *testing.T) {
	parent := ground(t)
	if parent == "" {
		return
	}
	alive, err := Make(parent, testID, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	dead, err := Make(parent, strings.Repeat("0", 64), nil)
	if err != nil {
		t.Fatal(err)
	}
	stray := sleeper(t, dead)
	// A copy of the descriptor holds the lock on, as the shim's does when rc is gone.
	copied, err := unix.FcntlInt(dead.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	for _, other := range []string{"rc-test", "rc-" + testID + ".scope", "x"} {
		dir := filepath.Join(parent, other)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Remove(dir) }()
	}
	if removed, err := Sweep(t.Context(), parent); len(removed) != 0 || err != nil {
		t.Errorf("all are alive: %v, %v", removed, err)
	}
	if err := unix.Close(copied); err != nil {
		t.Fatal(err)
	}
	reaped := make(chan error, 1)
	go func() { reaped <- stray.Wait() }()
	removed, err := Sweep(t.Context(), parent)
	if err != nil || !slices.Equal(removed, []string{filepath.Join(parent, "rc-"+strings.Repeat("0", 64))}) {
		t.Errorf("removed %v, %v", removed, err)
	}
	if err := <-reaped; err == nil || err.Error() != "signal: killed" {
		t.Errorf("the stray process ended with %v", err)
	}
}

// Sweepers must never take a directory from a container that is just being made.
func TestLiveSweepRace(t *testing.T) {
	parent := ground(t)
	if parent == "" {
		return
	}
	stop := make(chan struct{})
	var sweepers sync.WaitGroup
	for range 3 {
		sweepers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := Sweep(t.Context(), parent); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		f, err := Make(parent, testID, nil)
		if err != nil {
			t.Error(err)
			break
		}
		time.Sleep(100 * time.Microsecond)
		if !sameDir(f, f.Name()) {
			t.Error("the directory was swept away under its owner")
		}
		if err := errors.Join(Remove(t.Context(), f.Name()), f.Close()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	sweepers.Wait()
}

func TestLiveLeaves(t *testing.T) {
	scope := ground(t)
	if scope == "" {
		return
	}
	entry := open(t, scope)
	first, second := sleeper(t, entry), sleeper(t, entry)
	if err := Enable(scope, []string{"none"}, true); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("controllers beside processes: %v", err)
	}
	_, err := Leaves(scope, []File{{Name: "none.max", Flags: "--none"}})
	if !errors.Is(err, errs.ErrUnsupported) || !strings.HasPrefix(err.Error(), "set --none: cgroup") {
		t.Errorf("a controller that no kernel has: %v", err)
	}
	f, err := Leaves(scope, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Name() != filepath.Join(scope, "container") {
		t.Errorf("the container's leaf is %q", f.Name())
	}
	pids, err := Processes(filepath.Join(scope, "shim"))
	slices.Sort(pids)
	if want := []int{first.Process.Pid, second.Process.Pid}; err != nil || !slices.Equal(pids, want) {
		t.Errorf("in shim/ are %v, %v, want %v", pids, err, want)
	}
	available, err := Controllers(scope)
	if err != nil {
		t.Fatal(err)
	}
	enabled, err := Enabled(scope)
	if err != nil || len(without(available, enabled)) > 0 {
		t.Errorf("of %v are enabled %v, %v", available, enabled, err)
	}
	inside := sleeper(t, f)
	if pids, err := Processes(f.Name()); err != nil || !slices.Equal(pids, []int{inside.Process.Pid}) {
		t.Errorf("in container/ are %v, %v", pids, err)
	}
	for _, cmd := range []*exec.Cmd{first, second, inside} {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

func TestLiveSplit(t *testing.T) {
	unit := ground(t)
	if unit == "" {
		return
	}
	cmd := sleeper(t, open(t, unit))
	if CanLimit(unit, []File{{Name: "none.max"}}) {
		t.Error("a controller that no kernel has can be limited")
	}
	for range 2 { // the second time supervisor/ is there, and the unit is empty
		if err := Split(unit, nil); err != nil {
			t.Fatal(err)
		}
	}
	if pids, err := Processes(filepath.Join(unit, "supervisor")); err != nil || !slices.Equal(pids, []int{cmd.Process.Pid}) {
		t.Errorf("in supervisor/ are %v, %v", pids, err)
	}
	f, err := Make(unit, testID, nil)
	if err != nil {
		t.Fatal(err)
	}
	inside := sleeper(t, f)
	if oom, err := OOMKilled(f); oom || err != nil {
		t.Errorf("oom: %v, %v", oom, err)
	}
	for _, cmd := range []*exec.Cmd{cmd, inside} {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	_ = f.Close()
}

// The limit of a controller takes effect where the machine delegates one at all.
func TestLiveLimit(t *testing.T) {
	parent := ground(t)
	if parent == "" {
		return
	}
	above := filepath.Dir(parent)
	there, err := Controllers(above)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(inUnit) != "" { // the scope is this test's alone, so it may be divided
		if err := Split(above, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := Provide(parent, there); err != nil && !errors.Is(err, errs.ErrInUse) {
		t.Fatal(err)
	}
	available, err := Controllers(parent)
	if err != nil {
		t.Fatal(err)
	}
	var file File
	switch {
	case slices.Contains(available, "pids"):
		file = File{Name: "pids.max", Value: "7", Flags: "--pids-limit"}
	case slices.Contains(available, "hugetlb"):
		file = File{Name: "hugetlb.2MB.max", Value: "2097152", Flags: "hugepageLimits"}
	default:
		t.Skipf("cgroup %q has no controller for its children; the VM tests have", above)
	}
	if !CanLimit(parent, []File{file}) {
		t.Errorf("an empty cgroup with %v cannot be limited", available)
	}
	f, err := Make(parent, testID, []File{file})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if data, err := readAt(f, file.Name); err != nil || strings.TrimSpace(string(data)) != file.Value {
		t.Errorf("%s is %q, %v", file.Name, data, err)
	}
	file.Value = "much"
	if err := Apply(f.Name(), []File{file}); !errors.Is(err, errs.ErrInvalid) {
		t.Errorf("a value that the kernel refuses: %v", err)
	}
	if err := Remove(t.Context(), f.Name()); err != nil {
		t.Error(err)
	}
}

func BenchmarkMakeRemove(b *testing.B) {
	h, err := Find()
	if err != nil {
		b.Skip(err)
	}
	own, err := h.Own(0)
	if err != nil || !Delegated(h.Unit(own)) {
		b.Skip("the cgroup of this process is not delegated")
	}
	for b.Loop() {
		f, err := Make(h.Unit(own), testID, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(Remove(b.Context(), f.Name()), f.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
