package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// RemoveOptions say how far Remove may go.
type RemoveOptions struct {
	// Force stops a container that runs first.
	Force bool
	// Timeout is how many seconds it has between its stop signal and SIGKILL; nil is its own.
	Timeout *uint
}

// How long a killed process, and the clean-up of a shim, may take.
const (
	killGrace  = 10 * time.Second
	startGrace = 5 * time.Second
	pollEvery  = 20 * time.Millisecond
)

// EmptyTrashVerb is rc's hidden verb that deletes what lies in trash/, in the default map.
const EmptyTrashVerb = "__empty-trash"

// Remove removes the container id. One that runs is errs.ErrState without Force. What it
// leaves in trash/ is EmptyTrash's. One that went away by itself meanwhile is removed, too.
func Remove(ctx context.Context, root state.Root, id string, o RemoveOptions) error {
	e, err := root.Find(id)
	if errors.Is(err, errs.ErrNotFound) {
		return err
	}
	if err != nil { // a broken record: only force is sure to be meant
		if !o.Force {
			return err
		}
		return root.Remove(id)
	}
	if e.Status == state.Created && e.Starting {
		if !o.Force {
			return errs.WithHint(fmt.Errorf("remove container %q: %w: it is being started", e.Name, errs.ErrState), "rc rm -f "+e.Name)
		}
		if e, err = settle(ctx, root, e); err != nil {
			return goneIsFine(err)
		}
	}
	if e.Status == state.Running && !o.Force {
		return errs.WithHint(fmt.Errorf("remove container %q: %w: it is running", e.Name, errs.ErrState), "rc rm -f "+e.Name)
	}
	if e.State != nil {
		if err := endContainer(ctx, root, e, o.Timeout); err != nil {
			return fmt.Errorf("remove container %q: %w", e.Name, err)
		}
	}
	if err := goneIsFine(root.Remove(id)); err != nil {
		return err
	}
	if e.State != nil && e.State.Cgroup != "" {
		removeCgroup(ctx, e.State.Cgroup)
	}
	return nil
}

// goneIsFine takes a container that removed itself (--rm) as removed.
func goneIsFine(err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return err
}

// settle waits until a container that is being started runs, or its creator gave up.
func settle(ctx context.Context, root state.Root, e *state.Entry) (*state.Entry, error) {
	deadline := time.Now().Add(startGrace)
	for e.Starting && time.Now().Before(deadline) {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pollEvery):
		}
		var err error
		if e, err = root.Find(e.ID); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// endContainer stops the container and waits for its shim, which unmounts and cleans up.
func endContainer(ctx context.Context, root state.Root, e *state.Entry, timeout *uint) error {
	shim, err := openProcess(e.State.ShimPID, e.State.ShimStart)
	if shim == nil {
		return err // it has gone
	}
	defer shim.Close()
	if e.Status == state.Running {
		if done, err := stopContainer(ctx, root, e, shim, timeout); done || err != nil {
			return err
		}
	}
	if done, err := awaitEnd(ctx, shim, killGrace); done || err != nil {
		return err
	}
	// The shim is pid 1 of the outer namespace: with it goes everything.
	if err := linux.PidfdSignal(shim, unix.SIGKILL); err != nil {
		return err
	}
	done, err := awaitEnd(ctx, shim, killGrace)
	if err == nil && !done {
		err = fmt.Errorf("process %d does not end: %w", e.State.ShimPID, errs.ErrInUse)
	}
	return err
}

// stopContainer sends the stop signal and, after the time that the container has, SIGKILL. It
// says whether the shim has gone.
func stopContainer(ctx context.Context, root state.Root, e *state.Entry, shim *os.File, timeout *uint) (bool, error) {
	first, err := openProcess(e.State.PID, e.State.PIDStart)
	if first == nil {
		return false, err
	}
	defer first.Close()
	// Without a readable record the defaults have to do.
	signal, grace := unix.SIGTERM, uint(create.DefaultStopTimeout)
	if c, err := root.Load(e.ID); err == nil {
		signal, grace = unix.Signal(c.StopSignal), c.StopTimeout
	}
	if timeout != nil {
		grace = *timeout
	}
	if grace > 0 {
		if err := linux.PidfdSignal(first, signal); err != nil {
			return false, err
		}
		if done, err := awaitEnd(ctx, shim, time.Duration(grace)*time.Second); done || err != nil {
			return done, err
		}
	}
	return false, linux.PidfdSignal(first, unix.SIGKILL)
}

// openProcess refers to a process by pid and start time; nil where it has gone.
func openProcess(pid int, start uint64) (*os.File, error) {
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

// awaitEnd waits for a process's end, in steps so that ctx is heeded.
func awaitEnd(ctx context.Context, pidfd *os.File, timeout time.Duration) (bool, error) {
	deadline := time.Now().Add(timeout)
	for {
		step := min(time.Until(deadline), 100*time.Millisecond)
		done, err := linux.PidfdWait(pidfd, int(max(step, 0).Milliseconds()))
		if done || err != nil {
			return done, err
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return false, nil
		}
	}
}

// sweepAtMost bounds what a run pays for others: 25 µs per running container.
const sweepAtMost = 16

// Sweep takes away what killed processes left of containers: records, names, cgroups. It
// makes no namespace and does not wait. Errors are about one container each and of no
// consequence to the caller's own work.
func Sweep(ctx context.Context, cfg *config.Config) error {
	swept, err := Records(cfg).Sweep(sweepAtMost)
	for _, s := range swept {
		if s.State.Cgroup != "" {
			removeCgroup(ctx, s.State.Cgroup)
		}
	}
	return err
}

// removeCgroup removes a cgroup that should be empty. systemd removes that of a scope by
// itself, and a dying process in it is not waited for.
func removeCgroup(ctx context.Context, dir string) {
	ctx, cancel := context.WithTimeout(ctx, pollEvery)
	defer cancel()
	_ = cgroup.Remove(ctx, dir)
}

// EmptyTrash starts the deletion of what lies in trash/ for longer than age, in the
// default map and in the background, and returns at once.
func EmptyTrash(ctx context.Context, cfg *config.Config, age time.Duration) error {
	if !Records(cfg).TrashWaits(age) {
		return nil
	}
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	err = userns.Detach(ctx, ids, []string{"--root", cfg.DataRoot, "--runroot", cfg.RunRoot, EmptyTrashVerb})
	if err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}
