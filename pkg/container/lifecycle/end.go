package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// How long the end of a container may take once it cannot be delayed by the container any
// more: its first process has ended, or was killed.
const (
	// RouseAfter is when a shim that does not notice is told to go on: SIGSTOP may have hit it.
	RouseAfter = time.Second
	// KillGrace is what a shim has to unmount and to clean up before it is killed, and what the
	// kernel has to end a killed one.
	KillGrace  = 10 * time.Second
	startGrace = 5 * time.Second
	PollEvery  = 20 * time.Millisecond
	// lifeStep is how often whoever ends a container looks whether it began another life.
	lifeStep = 100 * time.Millisecond
)

// ending is the end of one container, on a user's behalf:
//
//	mark it stopped               its shim starts it no more
//	stop signal                   to the first process; a paused one is thawed
//	… its timeout …
//	SIGKILL                       to all in its cgroup, and to the first process
//	… RouseAfter …
//	SIGCONT                       to the shim
//	… KillGrace …
//	SIGKILL                       to the shim: with pid 1 of the outer namespace all ends
//	the records are completed     where the shim could not do it
//
// Each wait is for the shim's end, since it unmounts and cleans up. Where there is no first
// process, because the shim waits with one or between two, SIGTERM to the shim ends it. A life
// that begins after all, since the shim had looked for the mark just before, is ended, too.
type ending struct {
	root   state.Root
	id     string
	shim   *os.File // its pidfd
	signal unix.Signal
	grace  time.Duration
}

// endContainer stops the container and waits for its shim.
func endContainer(ctx context.Context, root state.Root, e *state.Entry, o StopOptions) error {
	if e.State == nil {
		return nil
	}
	shim, err := OpenProcess(e.State.ShimPID, e.State.ShimStart)
	if err != nil {
		return err
	}
	if shim == nil {
		return complete(ctx, root, e)
	}
	defer shim.Close()
	// Without its runtime directory it has just ended.
	if err := root.MarkStopped(e.ID); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	end := &ending{root: root, id: e.ID, shim: shim, signal: unix.SIGTERM, grace: create.DefaultStopTimeout * time.Second}
	// Without a readable record the defaults have to do.
	if c, err := root.Load(e.ID); err == nil {
		end.signal, end.grace = unix.Signal(c.StopSignal), time.Duration(c.StopTimeout)*time.Second
	}
	if o.Timeout != nil {
		end.grace = time.Duration(*o.Timeout) * time.Second
	}
	if o.Signal != 0 {
		end.signal = o.Signal
	}
	if err := end.run(ctx); err != nil {
		return err
	}
	return complete(ctx, root, e)
}

// run goes through the steps until the shim has gone.
func (n *ending) run(ctx context.Context) error {
	if n.grace > 0 {
		if done, err := n.press(ctx, n.signal, n.grace); done || err != nil {
			return err
		}
	}
	if done, err := n.press(ctx, unix.SIGKILL, RouseAfter); done || err != nil {
		return err
	}
	if err := linux.PidfdSignal(n.shim, unix.SIGCONT); err != nil {
		return err
	}
	if done, err := n.press(ctx, unix.SIGKILL, KillGrace); done || err != nil {
		return err
	}
	if err := linux.PidfdSignal(n.shim, unix.SIGKILL); err != nil {
		return err
	}
	done, err := AwaitEnd(ctx, n.shim, KillGrace)
	if err == nil && !done {
		err = fmt.Errorf("its shim does not end, it may wait for a disk: %w", errs.ErrInUse)
	}
	return err
}

// press sends a signal to the first process, and to that of each life that begins later, until
// the shim has gone (true), or limit is over, or nothing is left that the signal could hit.
func (n *ending) press(ctx context.Context, sig unix.Signal, limit time.Duration) (bool, error) {
	var first *os.File
	defer func() { closeProcess(first) }()
	deadline := time.Now().Add(limit)
	asked, orphaned := 0, time.Time{}
	for {
		s, err := n.root.State(n.id)
		if err != nil {
			return false, err
		}
		switch {
		case s == nil: // the shim is about to go
		case s.Phase != "" && asked != s.ShimPID:
			asked = s.ShimPID
			if err := linux.PidfdSignal(n.shim, unix.SIGTERM); err != nil {
				return false, err
			}
		case s.Phase == "" && asked != s.PID:
			asked = s.PID
			closeProcess(first)
			if first, err = n.send(s, sig); err != nil {
				return false, err
			}
		}
		if s != nil && s.Phase == "" && sig != unix.SIGKILL {
			if ended, err := hasEnded(first); err != nil || !ended {
				orphaned = time.Time{}
				if err != nil {
					return false, err
				}
			} else if orphaned.IsZero() {
				orphaned = time.Now()
			} else if time.Since(orphaned) > RouseAfter {
				return false, nil // the shim should have noticed
			}
		}
		done, err := AwaitEnd(ctx, n.shim, min(time.Until(deadline), lifeStep))
		if done || err != nil || !time.Now().Before(deadline) {
			return done, err
		}
	}
}

// send signals the first process of one life and gives its pidfd, nil where it has gone.
func (n *ending) send(s *spec.State, sig unix.Signal) (*os.File, error) {
	if sig == unix.SIGKILL && s.Cgroup != "" {
		// All at once, before one of them forks again. What cannot be killed by this is by the next.
		KillCgroup(s.Cgroup)
	}
	first, err := OpenProcess(s.PID, s.PIDStart)
	if first == nil || err != nil {
		return nil, err
	}
	if err := linux.PidfdSignal(first, sig); err != nil {
		return first, err
	}
	if s.Cgroup != "" && sig != unix.SIGKILL {
		// It shall see the signal. Where nothing is frozen this does nothing.
		_ = cgroup.Thaw(s.Cgroup)
	}
	return first, nil
}

func KillCgroup(dir string) {
	f, err := cgroup.Open(dir)
	if err != nil {
		return
	}
	defer f.Close()
	_ = cgroup.Kill(f)
}

// complete does what a shim that was killed could not do: the exit record, the runtime
// directory, the cgroup. After a shim that ended by itself there is nothing to do.
func complete(ctx context.Context, root state.Root, e *state.Entry) error {
	swept, err := root.SweepContainer(e.ID)
	if swept != nil {
		err = errors.Join(err, dropVolumes(root, swept.Volumes))
	}
	if swept != nil && e.State != nil && e.State.Cgroup != "" {
		KillCgroup(e.State.Cgroup) // with the host's pid namespace processes survive the shim
		RemoveCgroup(ctx, e.State.Cgroup)
	}
	return err
}

// OpenProcess refers to a process by pid and start time; nil where it has gone.
func OpenProcess(pid int, start uint64) (*os.File, error) {
	if pid <= 0 {
		return nil, nil
	}
	f, err := linux.PidfdOpen(pid)
	if errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// After opening, so that nobody else can be meant from here on.
	if !linux.Alive(pid, start) {
		f.Close()
		return nil, nil
	}
	return f, nil
}

func closeProcess(f *os.File) {
	if f != nil {
		f.Close()
	}
}

// hasEnded is true of a process that is gone, too.
func hasEnded(pidfd *os.File) (bool, error) {
	if pidfd == nil {
		return true, nil
	}
	return linux.PidfdWait(pidfd, 0)
}

// AwaitEnd waits for a process's end, for as long as that at most. The end of ctx is an error.
func AwaitEnd(ctx context.Context, pidfd *os.File, limit time.Duration) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, max(limit, 0))
	defer cancel()
	done, err := linux.PidfdEnd(limited, pidfd)
	if !done && err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return done, err
}

// settle waits until a container that is being started runs, or its creator gave up.
func settle(ctx context.Context, root state.Root, e *state.Entry) (*state.Entry, error) {
	deadline := time.Now().Add(startGrace)
	for e.Starting && time.Now().Before(deadline) {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(PollEvery):
		}
		var err error
		if e, err = root.Find(e.ID); err != nil {
			return nil, err
		}
	}
	return e, nil
}
