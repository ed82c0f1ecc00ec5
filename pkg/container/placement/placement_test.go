package placement

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records/recordstest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/systemd"
)

// placed is a container with that mode and manager, and an id of the test's own.
func placed(t *testing.T, cgroups spec.Cgroups, r *specs.LinuxResources) *spec.Container {
	t.Helper()
	id := strings.Repeat("0", 64) + strconv.Itoa(os.Getpid())
	return &spec.Container{
		ID: id[len(id)-64:], Name: t.Name(), Cgroups: cgroups, StopTimeout: 10,
		OCI: specs.Spec{Linux: &specs.Linux{Resources: r}},
	}
}

func pidsLimit(n int64) *specs.LinuxResources {
	return &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &n}}
}

func TestPlaceShimRefuses(t *testing.T) {
	for _, tc := range []struct {
		cgroups spec.Cgroups
		r       *specs.LinuxResources
		want    string
	}{
		{spec.Cgroups{Mode: "disabled"}, pidsLimit(5), "--cgroups disabled: --pids-limit needs a cgroup"},
		{spec.Cgroups{Mode: "often"}, nil, `--cgroups "often": want enabled, disabled or split`},
		{spec.Cgroups{}, &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "8191"}}, `--cpuset-cpus "8191": [8191] not there`},
		{spec.Cgroups{Manager: "init"}, nil, `--cgroup-manager "init": want systemd or cgroupfs`},
		{spec.Cgroups{Manager: "systemd", Parent: "work"}, nil, `--cgroup-parent "work": want a slice`},
		{spec.Cgroups{Manager: "cgroupfs", Parent: "work.slice"}, nil, `--cgroup-parent "work.slice": want a path`},
		{spec.Cgroups{Mode: "split", Parent: "work.slice"}, nil, `--cgroup-parent "work.slice": --cgroups split uses the cgroup that rc is in`},
	} {
		p, err := Plan(t.Context(), &config.Config{}, placed(t, tc.cgroups, tc.r), false)
		if p != nil || !errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.cgroups, err)
		}
	}
}

func TestPlaceShimDisabled(t *testing.T) {
	p, err := Plan(t.Context(), &config.Config{}, placed(t, spec.Cgroups{Mode: "disabled"}, pidsLimit(-1)), false)
	if err != nil {
		t.Fatal(err)
	}
	place, dir, err := p.Start(t.Context(), os.Getpid())()
	if place.Cgroup != "" || place.Scope != "" || dir != nil || err != nil || p.why == nil {
		t.Errorf("%v, %v, %v, %v", place, dir, err, p.why)
	}
	p.Release()
	p.Discard(t.Context())
}

// stand is a process in the place of a shim, or of a container where it gets a cgroup.
func stand(t testing.TB, dir *os.File) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if dir != nil {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { recordstest.End(cmd) })
	return cmd
}

// The places that a user has from a login: a scope, and, once the test is in a unit of its own, a
// directory and a split. The test process moves, so the order matters.
func TestLivePlaces(t *testing.T) {
	h, err := cgroup.Find()
	if err != nil {
		lacking(t, err)
	}
	own, err := h.Own(0)
	if err != nil {
		lacking(t, err)
	}
	bus, err := systemd.Connect(t.Context(), os.Getuid())
	if err != nil {
		t.Run("no bus", func(t *testing.T) { testNoBus(t, h, own) })
		lacking(t, err)
	}
	defer bus.Close()
	path, err := bus.ManagerCgroup(t.Context())
	if err != nil {
		lacking(t, err)
	}
	manager, err := h.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if cgroup.Delegated(h.Unit(own)) {
		t.Logf("cgroup %q is delegated already: no scope is tried", own)
	} else {
		t.Run("scope", func(t *testing.T) { testScope(t, h) })
		t.Run("absent controller", func(t *testing.T) { testAbsentController(t, manager) })
		t.Run("split refused", testSplitRefused)
	}
	name := "rc-test-unit-" + strconv.Itoa(os.Getpid()) + ".scope"
	if err := bus.StartScope(t.Context(), systemd.Scope{Name: name, PIDs: []int{os.Getpid()}}); err != nil {
		t.Fatal(err)
	}
	unit, err := h.Own(0)
	if err != nil || filepath.Base(unit) != name {
		t.Fatalf("the test is in %q, %v", unit, err)
	}
	for _, manager := range []string{"systemd", "cgroupfs"} {
		t.Run("directory by "+manager, func(t *testing.T) { testDirectory(t, unit, manager) })
	}
	t.Run("split", func(t *testing.T) { testSplit(t, h, unit) })
}

func lacking(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Without a bus a container is placed nowhere, silently, unless a limit was asked for.
func testNoBus(t *testing.T, h cgroup.Hierarchy, own string) {
	if cgroup.Delegated(h.Unit(own)) {
		t.Skip("the cgroup is delegated: none is needed")
	}
	p, err := Plan(t.Context(), &config.Config{}, placed(t, spec.Cgroups{}, nil), false)
	if err != nil {
		t.Fatal(err)
	}
	place, dir, err := p.Start(t.Context(), os.Getpid())()
	if place.Cgroup != "" || dir != nil || err != nil || !errors.Is(p.why, systemd.ErrNoManager) {
		t.Errorf("%v, %v, %v", place, err, p.why)
	}
	_, err = Plan(t.Context(), &config.Config{}, placed(t, spec.Cgroups{}, pidsLimit(5)), false)
	if !errors.Is(err, systemd.ErrNoManager) || !strings.HasPrefix(err.Error(), "set --pids-limit: ") || errs.Hint(err) == "" {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

func testScope(t *testing.T, h cgroup.Hierarchy) {
	c := placed(t, spec.Cgroups{Mode: "enabled", Manager: "systemd"}, nil)
	p, err := Plan(t.Context(), &config.Config{}, c, false)
	if err != nil {
		t.Fatal(err)
	}
	// Only a process that is in the scope may put another into a leaf: from a login session's
	// cgroup it is EACCES.
	shim := exec.Command("sh", "-c", `read -r dir; sh -c 'echo $$ >"$0/cgroup.procs" && echo $$ && exec sleep 1000' "$dir" & wait`)
	shim.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	in, err := shim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := shim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shim.Start(); err != nil {
		t.Fatal(err)
	}
	defer recordstest.End(shim)
	place, dir, err := p.Start(t.Context(), shim.Process.Pid)()
	if err != nil || p.why != nil {
		t.Fatal(err, p.why)
	}
	scope := "rc-" + c.ID + ".scope"
	if place.Scope != scope || !strings.HasSuffix(place.Cgroup, "/user.slice/"+scope+"/container") || dir == nil {
		t.Errorf("place %+v", place)
	}
	var inside int
	if _, err := fmt.Fprintln(in, place.Cgroup); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscan(out, &inside); err != nil {
		t.Fatalf("the container's process: %v", err)
	}
	for pid, leaf := range map[int]string{shim.Process.Pid: "shim", inside: "container"} {
		at, err := h.Own(pid)
		if err != nil || at != filepath.Join(filepath.Dir(place.Cgroup), leaf) {
			t.Errorf("%s is in %q, %v", leaf, at, err)
		}
	}
	if err := cgroup.Kill(dir); err != nil {
		t.Error(err)
	}
	p.Release()
	if dir.Close() == nil {
		t.Error("the directory is open after release")
	}
	recordstest.End(shim)
	gone(t, filepath.Dir(place.Cgroup))
}

// gone waits until systemd has removed a scope's directory.
func gone(t *testing.T, dir string) {
	t.Helper()
	for range 500 {
		if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%q is still there", dir)
}

// A limit whose controller the manager lacks is refused before anything is made.
func testAbsentController(t *testing.T, manager string) {
	available, err := cgroup.Controllers(manager)
	if err != nil {
		t.Fatal(err)
	}
	for controller, tc := range map[string]struct {
		flag string
		r    *specs.LinuxResources
	}{
		"pids":   {"--pids-limit", pidsLimit(5)},
		"memory": {"--memory", &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(1 << 30))}}},
		"cpuset": {"--cpuset-cpus", &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0"}}},
		"io":     {"--blkio-weight", &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: new(uint16(100))}}},
	} {
		if slices.Contains(available, controller) {
			continue
		}
		_, err := Plan(t.Context(), &config.Config{}, placed(t, spec.Cgroups{}, tc.r), false)
		want := "set " + tc.flag + ": cgroup controller " + controller
		if !errors.Is(err, errs.ErrUnsupported) || !strings.HasPrefix(err.Error(), want) || errs.Hint(err) == "" {
			t.Errorf("%v, hint %q; want %q…", err, errs.Hint(err), want)
		}
	}
}

func testSplitRefused(t *testing.T) {
	_, err := Plan(t.Context(), &config.Config{}, placed(t, spec.Cgroups{Mode: "split"}, nil), false)
	if !errors.Is(err, errs.ErrUnsupported) || !strings.Contains(errs.Hint(err), "Delegate=yes") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

func testDirectory(t *testing.T, unit, manager string) {
	dead := filepath.Join(unit, "rc-"+strings.Repeat("a", 64))
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	c := placed(t, spec.Cgroups{Manager: manager}, nil)
	p, err := Plan(t.Context(), &config.Config{}, c, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed container left is still there: %v", err)
	}
	place, dir, err := p.Start(t.Context(), 1)()
	if err != nil || place.Scope != "" || place.Cgroup != filepath.Join(unit, "rc-"+c.ID) {
		t.Fatalf("place %+v, %v", place, err)
	}
	inside := stand(t, dir)
	recordstest.End(inside)
	p.Discard(t.Context())
	if _, err := os.Lstat(place.Cgroup); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%q is still there: %v", place.Cgroup, err)
	}
	p.Discard(t.Context()) // once more does nothing
	Sweep(t.Context())
}

func testSplit(t *testing.T, h cgroup.Hierarchy, unit string) {
	for range 2 { // the second time the test is in supervisor/ already
		p, err := Plan(t.Context(), &config.Config{}, placed(t, spec.Cgroups{Mode: "split"}, nil), false)
		if err != nil {
			t.Fatal(err)
		}
		place, dir, err := p.Start(t.Context(), 1)()
		if err != nil || filepath.Dir(place.Cgroup) != unit {
			t.Fatalf("place %+v, %v", place, err)
		}
		if own, err := h.Own(0); err != nil || own != filepath.Join(unit, "supervisor") {
			t.Errorf("the test is in %q, %v", own, err)
		}
		recordstest.End(stand(t, dir))
		p.Discard(t.Context())
	}
}

// BenchmarkPlace is what a scope costs beyond a plain fork: from a login session.
func BenchmarkPlace(b *testing.B) {
	for _, mode := range []string{"enabled", "disabled"} {
		b.Run(mode, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				c := &spec.Container{ID: strings.Repeat("0", 56) + strconv.FormatInt(int64(1e7+os.Getpid()*1000+i)%1e8, 10)}
				c.Cgroups.Mode = mode
				p, err := Plan(b.Context(), &config.Config{}, c, false)
				if err != nil {
					b.Fatal(err)
				}
				shim := stand(b, nil)
				if _, _, err := p.Start(b.Context(), shim.Process.Pid)(); err != nil || mode == "enabled" && p.Made == nil {
					b.Fatal(err, p.why)
				}
				recordstest.End(shim)
				p.Discard(b.Context())
			}
		})
	}
}
