package lifecycle

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rc-containers/rc/pkg/container/records/recordstest"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

func TestWait(t *testing.T) {
	for name, c := range map[string]struct {
		conditions []string
		then       func(*testing.T, *recordstest.Played)
		code       int
		err        error
	}{
		"its end": {nil, func(t *testing.T, p *recordstest.Played) {
			recordstest.End(p.First)
			if err := p.Root.WriteExit(p.ID, &spec.Exit{Code: 7, Started: p.State.Started, Finished: time.Now()}); err != nil {
				t.Error(err)
			}
		}, 7, nil},
		"one life's end": {nil, func(t *testing.T, p *recordstest.Played) {
			recordstest.End(p.First)
			ended := &spec.Exit{Code: 9, Started: p.State.Started, Finished: time.Now()}
			p.State.Phase, p.State.PID = spec.Restarting, 0
			if err := errors.Join(p.Root.WriteExit(p.ID, ended), p.Root.WriteState(p.ID, p.State)); err != nil {
				t.Error(err)
			}
		}, 9, nil},
		"a killed shim": {nil, func(_ *testing.T, p *recordstest.Played) { recordstest.End(p.Shim); recordstest.End(p.First) }, 137, nil},
		"its removal": {nil, func(t *testing.T, p *recordstest.Played) {
			recordstest.End(p.First)
			if err := p.Root.Discard(p.ID, "runs"); err != nil {
				t.Error(err)
			}
		}, 137, nil},
		"removing": {[]string{"removing"}, func(t *testing.T, p *recordstest.Played) {
			if err := p.Root.Discard(p.ID, "runs"); err != nil {
				t.Error(err)
			}
		}, -1, nil},
		"a removal that was not waited for": {[]string{"paused"}, func(t *testing.T, p *recordstest.Played) {
			if err := p.Root.Discard(p.ID, "runs"); err != nil {
				t.Error(err)
			}
		}, 0, errs.ErrNotFound},
		"initialized": {[]string{"initialized", "exited"}, func(t *testing.T, p *recordstest.Played) {
			p.State.Phase = spec.Initialized
			if err := p.Root.WriteState(p.ID, p.State); err != nil {
				t.Error(err)
			}
		}, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := recordstest.Play(t, recordstest.Four(t))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			time.AfterFunc(50*time.Millisecond, func() { c.then(t, p) })
			code, err := Wait(ctx, p.Root, p.ID, WaitOptions{Conditions: c.conditions, Interval: 10 * time.Millisecond})
			if code != c.code || !errors.Is(err, c.err) {
				t.Errorf("%d %v, want %d %v", code, err, c.code, c.err)
			}
		})
	}
	p := recordstest.Play(t, recordstest.Four(t))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Wait(ctx, p.Root, p.ID, WaitOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that is given up: %v", err)
	}
}

// TestStopLost: what runs without a shim is ended, and its record completed.
func TestStopLost(t *testing.T) {
	p := recordstest.Play(t, recordstest.Four(t))
	recordstest.End(p.Shim)
	if err := Stop(t.Context(), p.Root, p.ID, StopOptions{}); err != nil {
		t.Error(err)
	}
	e, err := p.Root.Find(p.ID)
	if err != nil || e.State != nil || e.Status != state.Exited || e.Exit.Code != 137 || e.Exit.Finished.IsZero() {
		t.Errorf("%+v %v", e, err)
	}
}

// TestStopMarks: the mark is there before the signal, and the signal is the container's own.
func TestStopMarks(t *testing.T) {
	p := recordstest.Play(t, recordstest.Four(t))
	marked := make(chan bool, 1)
	go func() { // the shim: it ends after its process
		_ = p.First.Wait()
		marked <- p.Root.StopMarked(p.ID)
		recordstest.End(p.Shim)
	}()
	if err := Stop(t.Context(), p.Root, p.ID, StopOptions{}); err != nil {
		t.Error(err)
	}
	if !<-marked {
		t.Error("it was not marked")
	}
	if got := p.First.ProcessState.String(); got != "signal: terminated" {
		t.Error(got)
	}
	e, err := p.Root.Find(p.ID)
	if err != nil || e.Exit == nil || !e.Exit.Stopped {
		t.Errorf("%+v %v", e, err)
	}
}

func TestKill(t *testing.T) {
	p := recordstest.Play(t, recordstest.Four(t))
	if err := Kill(t.Context(), p.Root, p.ID, 10); err != nil { // SIGUSR1
		t.Error(err)
	}
	_ = p.First.Wait()
	if got := p.First.ProcessState.String(); got != "signal: user defined signal 1" || p.Root.StopMarked(p.ID) {
		t.Error(got, p.Root.StopMarked(p.ID))
	}
	for _, name := range []string{"made", "done"} {
		id, err := p.Root.FindID(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := Kill(t.Context(), p.Root, id, 9); !errors.Is(err, errs.ErrState) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
