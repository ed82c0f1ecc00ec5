package lifecycle

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/records/recordstest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestRemove(t *testing.T) {
	root := recordstest.Four(t)
	id := func(name string) string {
		id, err := root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	if err := Remove(t.Context(), root, id("done"), RemoveOptions{}); err != nil {
		t.Error(err)
	}
	if err := Remove(t.Context(), root, id("runs"), RemoveOptions{}); !errors.Is(err, errs.ErrState) || errs.Hint(err) != "rc rm -f runs" {
		t.Errorf("running: %v", err)
	}
	if err := Remove(t.Context(), root, strings.Repeat("0", 64), RemoveOptions{}); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("not there: %v", err)
	}
	broken := filepath.Join(root.Dir(id("failed")), "exit.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Remove(t.Context(), root, id("failed"), RemoveOptions{}); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("broken: %v", err)
	}
	if err := Remove(t.Context(), root, id("failed"), RemoveOptions{Force: true}); err != nil {
		t.Errorf("broken, forced: %v", err)
	}
	es, errs := records.List(root, records.ListOptions{All: true})
	if len(es) != 2 || errs != nil {
		t.Errorf("left: %v %v", es, errs)
	}
}

// TestRemoveRunning: the first process is asked, then killed; the shim, which here does
// not notice, is killed at last.
func TestRemoveRunning(t *testing.T) {
	for _, c := range []struct {
		script string
		limit  uint
	}{
		{"trap 'exit 0' TERM; echo; while :; do sleep 0.02; done", 10},
		{"trap '' TERM; echo; while :; do sleep 0.02; done", 1},
		{"echo; sleep 60", 0},
	} {
		t.Run(c.script, func(t *testing.T) {
			root := recordstest.Four(t)
			// The process plays both: when it has gone, the shim has gone.
			cmd := exec.CommandContext(t.Context(), "sh", "-c", c.script)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			pid := cmd.Process.Pid
			start, err := linux.StartTime(pid)
			if err != nil {
				t.Fatal(err)
			}
			id, err := root.FindID("made")
			if err != nil {
				t.Fatal(err)
			}
			if err := root.WriteState(id, &spec.State{ShimPID: pid, ShimStart: start, PID: pid, PIDStart: start, Started: time.Now()}); err != nil {
				t.Fatal(err)
			}
			go func() { _ = cmd.Wait() }()
			if err := Remove(t.Context(), root, id, RemoveOptions{Force: true, Timeout: &c.limit}); err != nil {
				t.Error(err)
			}
			if linux.Alive(pid, start) {
				t.Error("it runs on")
			}
			if _, err := root.FindID("made"); !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("FindID: %v", err)
			}
		})
	}
}
