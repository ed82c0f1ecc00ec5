package container

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// played is a container whose shim and first process are two that only sleep.
type played struct {
	root        state.Root
	id          string
	shim, first *exec.Cmd
	state       *spec.State
}

// play makes the container "runs" of records run.
func play(t *testing.T, root state.Root) *played {
	t.Helper()
	id, err := root.FindID("runs")
	if err != nil {
		t.Fatal(err)
	}
	p := &played{root: root, id: id}
	p.shim, p.first = sleeper(t), sleeper(t)
	p.state = &spec.State{
		ShimPID: p.shim.Process.Pid, ShimStart: startOf(t, p.shim), PID: p.first.Process.Pid, PIDStart: startOf(t, p.first), Started: time.Now(),
	}
	if err := root.WriteState(id, p.state); err != nil {
		t.Fatal(err)
	}
	return p
}

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cmd) })
	return cmd
}

func startOf(t *testing.T, cmd *exec.Cmd) uint64 {
	t.Helper()
	start, err := linux.StartTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return start
}

func TestWait(t *testing.T) {
	for name, c := range map[string]struct {
		conditions []string
		then       func(*testing.T, *played)
		code       int
		err        error
	}{
		"its end": {nil, func(t *testing.T, p *played) {
			end(p.first)
			if err := p.root.WriteExit(p.id, &spec.Exit{Code: 7, Started: p.state.Started, Finished: time.Now()}); err != nil {
				t.Error(err)
			}
		}, 7, nil},
		"one life's end": {nil, func(t *testing.T, p *played) {
			end(p.first)
			ended := &spec.Exit{Code: 9, Started: p.state.Started, Finished: time.Now()}
			p.state.Phase, p.state.PID = spec.Restarting, 0
			if err := errors.Join(p.root.WriteExit(p.id, ended), p.root.WriteState(p.id, p.state)); err != nil {
				t.Error(err)
			}
		}, 9, nil},
		"a killed shim": {nil, func(_ *testing.T, p *played) { end(p.shim); end(p.first) }, 137, nil},
		"its removal": {nil, func(t *testing.T, p *played) {
			end(p.first)
			if err := p.root.Discard(p.id, "runs"); err != nil {
				t.Error(err)
			}
		}, 137, nil},
		"removing": {[]string{"removing"}, func(t *testing.T, p *played) {
			if err := p.root.Discard(p.id, "runs"); err != nil {
				t.Error(err)
			}
		}, -1, nil},
		"a removal that was not waited for": {[]string{"paused"}, func(t *testing.T, p *played) {
			if err := p.root.Discard(p.id, "runs"); err != nil {
				t.Error(err)
			}
		}, 0, errs.ErrNotFound},
		"initialized": {[]string{"initialized", "exited"}, func(t *testing.T, p *played) {
			p.state.Phase = spec.Initialized
			if err := p.root.WriteState(p.id, p.state); err != nil {
				t.Error(err)
			}
		}, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := play(t, records(t))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			time.AfterFunc(50*time.Millisecond, func() { c.then(t, p) })
			code, err := Wait(ctx, p.root, p.id, WaitOptions{Conditions: c.conditions, Interval: 10 * time.Millisecond})
			if code != c.code || !errors.Is(err, c.err) {
				t.Errorf("%d %v, want %d %v", code, err, c.code, c.err)
			}
		})
	}
	p := play(t, records(t))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, p.root, p.id, WaitOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that is given up: %v", err)
	}
}

// TestStopLost: what runs without a shim is ended, and its record completed.
func TestStopLost(t *testing.T) {
	p := play(t, records(t))
	end(p.shim)
	if err := Stop(t.Context(), p.root, p.id, StopOptions{}); err != nil {
		t.Error(err)
	}
	e, err := p.root.Find(p.id)
	if err != nil || e.State != nil || e.Status != state.Exited || e.Exit.Code != 137 || e.Exit.Finished.IsZero() {
		t.Errorf("%+v %v", e, err)
	}
}

// TestStopMarks: the mark is there before the signal, and the signal is the container's own.
func TestStopMarks(t *testing.T) {
	p := play(t, records(t))
	marked := make(chan bool, 1)
	go func() { // the shim: it ends after its process
		_ = p.first.Wait()
		marked <- p.root.StopMarked(p.id)
		end(p.shim)
	}()
	if err := Stop(t.Context(), p.root, p.id, StopOptions{}); err != nil {
		t.Error(err)
	}
	if !<-marked {
		t.Error("it was not marked")
	}
	if got := p.first.ProcessState.String(); got != "signal: terminated" {
		t.Error(got)
	}
	e, err := p.root.Find(p.id)
	if err != nil || e.Exit == nil || !e.Exit.Stopped {
		t.Errorf("%+v %v", e, err)
	}
}

func TestKill(t *testing.T) {
	p := play(t, records(t))
	if err := Kill(t.Context(), p.root, p.id, 10); err != nil { // SIGUSR1
		t.Error(err)
	}
	_ = p.first.Wait()
	if got := p.first.ProcessState.String(); got != "signal: user defined signal 1" || p.root.StopMarked(p.id) {
		t.Error(got, p.root.StopMarked(p.id))
	}
	for _, name := range []string{"made", "done"} {
		id, err := p.root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := Kill(t.Context(), p.root, id, 9); !errors.Is(err, errs.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
