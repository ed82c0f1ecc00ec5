package systemd

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manager connects to the user's real manager.
func manager(t testing.TB) *Conn {
	t.Helper()
	c, err := Connect(t.Context(), os.Getuid())
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		// A bus without a manager is no use either.
		if _, err = c.ManagerCgroup(t.Context()); err == nil {
			return c
		}
	}
	if os.Getenv("RC_TEST_NO_SKIP") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
	return nil
}

func sleeper(t testing.TB) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func show(t *testing.T, unit string, names ...string) string {
	t.Helper()
	whose := "--user"
	if os.Getuid() == 0 && os.Getenv("XDG_RUNTIME_DIR") == "" {
		whose = "--system"
	}
	out, err := exec.Command("systemctl", whose, "show", unit, "-p", strings.Join(names, ",")).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestLiveScope(t *testing.T) {
	c := manager(t)
	cmd := sleeper(t)
	name := "rc-test-" + strconv.Itoa(cmd.Process.Pid) + ".scope"
	err := c.StartScope(t.Context(), Scope{
		Name: name, Description: "a test", PIDs: []int{cmd.Process.Pid}, StopTimeout: 15 * time.Second,
		Properties: properties(file{"memory.max", "1000000000"}, file{"pids.max", "100"}, file{"cpu.weight", "50"},
			file{"cpu.max", "50000 100000"}, file{"cpuset.cpus", "0"}, file{"io.max", "8:0 rbps=1000"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	cgroup, err := c.ControlGroup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	// When StartScope returns, the process is there.
	data, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/cgroup")
	if err != nil || !bytes.Contains(data, []byte("0::"+cgroup+"\n")) {
		t.Errorf("the process is in %q, %v, not in %q", data, err, cgroup)
	}
	parent, err := c.ManagerCgroup(t.Context())
	if err != nil || cgroup != parent+"/user.slice/"+name {
		t.Errorf("the scope is %q, the manager %q, %v", cgroup, parent, err)
	}
	got := show(t, name, "Description", "Slice", "Delegate", "CollectMode", "TimeoutStopUSec", "MemoryMax", "TasksMax",
		"CPUWeight", "CPUQuotaPerSecUSec", "AllowedCPUs", "IOReadBandwidthMax")
	for _, want := range []string{
		"Description=a test", "Slice=user.slice", "Delegate=yes", "CollectMode=inactive-or-failed", "TimeoutStopUSec=15s",
		"MemoryMax=1268435456", "TasksMax=356", "CPUWeight=50", "CPUQuotaPerSecUSec=500ms", "AllowedCPUs=0", "IOReadBandwidthMax=/dev/block/8:0 1000",
	} {
		if !strings.Contains("\n"+got, "\n"+want+"\n") {
			t.Errorf("%s is not in\n%s", want, got)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	waitGone(t, c, name)
}

// waitGone: a scope goes with its last process.
func waitGone(t *testing.T, c *Conn, unit string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := c.ControlGroup(t.Context(), unit); is(err, errNoUnit) {
			return
		}
	}
	t.Errorf("%s is still there", unit)
}

func TestLiveStopAndReset(t *testing.T) {
	c := manager(t)
	cmd := sleeper(t)
	name := "rc-test-" + strconv.Itoa(cmd.Process.Pid) + ".scope"
	scope := Scope{Name: name, Slice: "rc-test.slice", PIDs: []int{cmd.Process.Pid}}
	if err := c.StartScope(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	// The name is taken: the old scope is stopped, and made once more of a new process.
	again := sleeper(t)
	scope.PIDs = []int{again.Process.Pid}
	if err := c.StartScope(t.Context(), scope); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("the first process ended with %v", err)
	}
	if err := c.StopUnit(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := again.Wait(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("the second process ended with %v", err)
	}
	waitGone(t, c, name)
	for _, forget := range []error{c.StopUnit(t.Context(), name), c.ResetFailed(t.Context(), name)} {
		if forget != nil {
			t.Error(forget)
		}
	}
}

func TestLiveRefusals(t *testing.T) {
	c := manager(t)
	for _, tc := range []struct {
		scope Scope
		want  string
	}{
		{Scope{Name: "rc-test-none.scope"}, ""},
		{Scope{Name: "rc-test-none.scope", PIDs: []int{1 << 22}}, ""},
		{Scope{Name: "rc test", PIDs: []int{os.Getpid()}}, `start scope "rc test": `},
	} {
		err := c.StartScope(t.Context(), tc.scope)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%v: %v", tc.scope, err)
		}
	}
}

func BenchmarkConnect(b *testing.B) {
	manager(b)
	for b.Loop() {
		c, err := Connect(b.Context(), os.Getuid())
		if err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
}

func BenchmarkStartScope(b *testing.B) {
	c := manager(b)
	for b.Loop() {
		b.StopTimer()
		cmd := sleeper(b)
		b.StartTimer()
		if err := c.StartScope(b.Context(), Scope{Name: "rc-test-" + strconv.Itoa(cmd.Process.Pid) + ".scope", PIDs: []int{cmd.Process.Pid}}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		b.StartTimer()
	}
}
