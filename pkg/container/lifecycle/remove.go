package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// RemoveOptions say how far Remove may go.
type RemoveOptions struct {
	// Force stops a container that runs first.
	Force bool
	// Timeout is how many seconds it has between its stop signal and SIGKILL; nil is its own.
	Timeout *uint
	// Volumes removes the volumes that were made for it, too, unless another container has them.
	Volumes bool
}

// EmptyTrashVerb is rc's hidden verb that deletes what lies in trash/, in the default map.
const EmptyTrashVerb = "__empty-trash"

// Remove removes the container id. One that runs is errs.ErrState without Force. What it
// leaves in trash/ is EmptyTrash's. One that went away by itself meanwhile is removed, too.
func Remove(ctx context.Context, root state.Root, id string, o RemoveOptions) error {
	var e *state.Entry
	var volumes []string
	// Whoever starts it at this moment holds it, and lets go when it runs.
	err := whenFree(ctx, func() error {
		found, err := o.prepare(ctx, root, id)
		if errors.Is(err, errs.ErrNotFound) && e != nil {
			return nil // it was there a moment ago
		}
		if err != nil {
			return err
		}
		e = found
		if c, err := root.Load(id); err == nil && (o.Volumes || c.Remove) {
			volumes = state.AnonymousVolumes(c)
		}
		return goneIsFine(root.Remove(id))
	})
	if errors.Is(err, errs.ErrInUse) {
		// Nobody starts a container for that long: an rc is still busy with the container's output.
		err = goneIsFine(root.RemoveHeld(id))
	}
	if err == nil {
		err = dropVolumes(root, volumes)
	}
	if err != nil || e == nil {
		return err
	}
	if e.State != nil && e.State.Cgroup != "" {
		RemoveCgroup(ctx, e.State.Cgroup)
	}
	records.Note(root, e, "remove", nil)
	return nil
}

// prepare ends a container that runs, where that was asked for. The entry is nil for what is
// gone, and for one whose record is broken.
func (o RemoveOptions) prepare(ctx context.Context, root state.Root, id string) (*state.Entry, error) {
	e, err := root.Find(id)
	if errors.Is(err, errs.ErrNotFound) {
		return nil, err
	}
	if err != nil { // a broken record: only force is sure to be meant
		if !o.Force {
			return nil, err
		}
		return nil, nil
	}
	if e.Starting {
		if e, err = settle(ctx, root, e); err != nil {
			return nil, goneIsFine(err)
		}
		if e.Starting && !o.Force {
			return nil, errs.WithHint(fmt.Errorf("remove container %q: %w: it is being started", e.Name, errs.ErrState), "rc rm -f "+e.Name)
		}
	}
	if (e.Status == state.Running || e.Status == state.Paused || e.Status == state.Restarting) && !o.Force {
		return nil, errs.WithHint(fmt.Errorf("remove container %q: %w: it is %s", e.Name, errs.ErrState, e.Status), "rc rm -f "+e.Name)
	}
	// One that waits for rc start (initialized) has run nothing that could be lost.
	if err := endContainer(ctx, root, e, StopOptions{Timeout: o.Timeout}); err != nil {
		return nil, fmt.Errorf("remove container %q: %w", e.Name, err)
	}
	return e, nil
}

// sweepAtMost bounds what a run pays for others: 25 µs per running container.
const sweepAtMost = 16

// Sweep takes away what killed processes left of containers: records, names, cgroups. It
// makes no namespace and does not wait. Errors are about one container each and of no
// consequence to the caller's own work.
func Sweep(ctx context.Context, cfg *config.Config) error {
	swept, err := records.Of(cfg).Sweep(sweepAtMost)
	for _, s := range swept {
		err = errors.Join(err, dropVolumes(records.Of(cfg), s.Volumes))
		if s.State.Cgroup != "" {
			RemoveCgroup(ctx, s.State.Cgroup)
		}
	}
	sweepSteps(cfg)
	return err
}

// RemoveCgroup removes a cgroup that should be empty. systemd removes that of a scope by
// itself, and a dying process in it is not waited for.
func RemoveCgroup(ctx context.Context, dir string) {
	ctx, cancel := context.WithTimeout(ctx, PollEvery)
	defer cancel()
	_ = cgroup.Remove(ctx, dir)
}

// EmptyTrash starts the deletion of what lies in trash/ for longer than age, in the
// default map and in the background, and returns at once.
func EmptyTrash(ctx context.Context, cfg *config.Config, age time.Duration) error {
	if !records.Of(cfg).TrashWaits(age) {
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
