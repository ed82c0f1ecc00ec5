package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// WaitOptions say what to wait for.
type WaitOptions struct {
	// Conditions are of WaitConditions: one of them has to come true. None is stopped.
	Conditions []string
	// Interval is how often conditions other than an end are looked at; 0 is DefaultInterval.
	Interval time.Duration
}

// DefaultInterval is podman's.
const DefaultInterval = 250 * time.Millisecond

// removing is the condition that a container has gone.
const removing = "removing"

// WaitConditions are podman's words. rc has no moment between running and exited that others
// see, so that stopping is the end, too; configured is podman's other word for created.
func WaitConditions() []string {
	return []string{
		"configured", state.Created, state.Exited, spec.Healthy, state.Initialized, state.Paused, removing, state.Running, "stopped",
		"stopping", spec.Unhealthy,
	}
}

// CheckConditions refuses what Wait does not know.
func CheckConditions(words []string) error {
	for _, w := range words {
		if !slices.Contains(WaitConditions(), w) {
			return errs.Invalidf("--condition %q: want one of %s%s", w, strings.Join(WaitConditions(), ", "), spec.Meant(w, WaitConditions()))
		}
	}
	return nil
}

// noCode is what Wait gives for conditions that have no exit code.
const noCode = -1

// Wait waits until a condition holds for the container id. The code is the exit code where
// that is an end, also of a container that was removed with it (--rm), else -1. Of a container
// that is restarted it is the code of the first end. errs.ErrNotFound: it is not there;
// errs.ErrState: what is waited for cannot come.
func Wait(ctx context.Context, root state.Root, id string, o WaitOptions) (int, error) {
	w := &waiter{root: root, id: id, wants: o.Conditions, interval: o.Interval}
	if len(w.wants) == 0 {
		w.wants = []string{"stopped"}
	}
	if w.interval <= 0 {
		w.interval = DefaultInterval
	}
	defer func() { w.life.leave() }()
	for {
		code, met, err := w.look()
		if met || err != nil {
			return code, err
		}
		if err := w.sleep(ctx); err != nil {
			return 0, err
		}
	}
}

type waiter struct {
	root     state.Root
	id       string
	wants    []string
	interval time.Duration
	// last is the container as it was last seen, nil before that.
	last *state.Entry
	// life is the one that is watched over; nil before there is one.
	life *life
}

// look says whether a condition holds now.
func (w *waiter) look() (code int, met bool, err error) {
	e, err := w.root.Find(w.id)
	if errors.Is(err, errs.ErrNotFound) && w.last != nil {
		return w.gone()
	}
	if err != nil {
		return 0, false, err
	}
	if code, met := w.ended(e); met {
		return code, true, nil
	}
	w.last = e
	met, err = w.holds(e)
	return noCode, met, err
}

// forEnd says whether an end is waited for.
func (w *waiter) forEnd() bool {
	return slices.ContainsFunc(w.wants, func(s string) bool { return s == state.Exited || s == "stopped" || s == "stopping" })
}

// ended says whether the container has come to an end, or to that of a life.
func (w *waiter) ended(e *state.Entry) (int, bool) {
	if !w.forEnd() {
		return 0, false
	}
	switch {
	case e.Exit != nil && (e.Status == state.Exited || e.Status == state.Restarting && !e.Exit.Finished.IsZero()):
		return e.Exit.Code, true
	case w.last != nil && (w.last.Status == state.Running || w.last.Status == state.Paused) && e.State != nil &&
		!e.State.Started.Equal(w.last.State.Started):
		return w.lost(), true // a life has passed between two looks
	case w.life.over() && time.Since(w.life.since) > recordTime:
		if code, ok := w.life.code(); ok {
			return code, true
		}
	}
	return 0, false
}

// gone is the end of a container that is there no more.
func (w *waiter) gone() (int, bool, error) {
	switch {
	case w.forEnd():
		return w.lost(), true, nil
	case slices.Contains(w.wants, removing):
		return noCode, true, nil
	}
	return 0, false, fmt.Errorf("wait for container %q: it was removed: %w", w.last.Name, errs.ErrNotFound)
}

// holds looks at the conditions without an exit code.
func (w *waiter) holds(e *state.Entry) (bool, error) {
	forHealth := false
	for _, want := range w.wants {
		switch want {
		case "configured":
			want = state.Created
		case spec.Healthy, spec.Unhealthy:
			if !e.Summary.Health {
				return false, fmt.Errorf("wait until container %q is %s: %w: it has no healthcheck", e.Name, want, errs.ErrState)
			}
			if e.Health != nil && e.Health.Status == want {
				return true, nil
			}
			forHealth = true
		}
		if e.Status == want {
			return true, nil
		}
	}
	if forHealth && len(w.wants) == 1 && e.Status == state.Exited {
		return false, fmt.Errorf("wait until container %q is %s: %w: it has ended", e.Name, w.wants[0], errs.ErrState)
	}
	return false, nil
}

// sleep waits for the end of the container's process, or for the interval where something
// else is waited for, too.
func (w *waiter) sleep(ctx context.Context) error {
	limit := w.interval
	switch {
	case !w.forEnd() || !w.last.Alive():
	case w.life == nil || !w.life.of(w.last):
		w.life.leave()
		w.life = watch(w.root, w.last)
		limit = 0
	case w.life.over():
		limit = min(limit, PollEvery) // its record is about to be there
		if time.Since(w.life.since) > recordTime {
			limit = w.interval // or its shim was stopped
		}
	case len(w.wants) == 1:
		w.life.await(ctx)
		limit = 0
	default:
		limited, cancel := context.WithTimeout(ctx, limit)
		w.life.await(limited)
		cancel()
		limit = 0
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(limit):
		return nil
	}
}

// lost is the code of an end that left no record: what the shim said, or that of SIGKILL.
func (w *waiter) lost() int {
	if code, ok := w.life.code(); ok {
		return code
	}
	return errs.CodeSignal + int(unix.SIGKILL)
}
