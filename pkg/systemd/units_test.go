package systemd

import (
	"context"
	"strconv"
	"testing"
	"time"
)

func TestLiveUnits(t *testing.T) {
	c := manager(t)
	if err := c.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	cmd := sleeper(t)
	name := "rc-test-" + strconv.Itoa(cmd.Process.Pid) + ".scope"
	if err := c.StartScope(t.Context(), Scope{Name: name, PIDs: []int{cmd.Process.Pid}}); err != nil {
		t.Fatal(err)
	}
	states, err := c.UnitStates(t.Context(), []string{name, "rc-test-none.service"})
	if err != nil || len(states) != 2 || states[name] != (UnitState{"loaded", "active", "running"}) ||
		states["rc-test-none.service"] != (UnitState{"not-found", "inactive", "dead"}) {
		t.Errorf("%+v, %v", states, err)
	}
	if states, err := c.UnitStates(t.Context(), nil); err != nil || len(states) > 0 {
		t.Errorf("of none: %v, %v", states, err)
	}
	if err := c.StopAndWait(t.Context(), name); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("the process ended with %v", err)
	}
	if err := c.StopAndWait(t.Context(), name); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := c.StopAndWait(ctx, name); err == nil {
		t.Error("nobody waits for ever")
	}
}
