package lifecycle

import (
	"context"
	"fmt"
	"time"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/container/placement"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/systemd"
)

// freezeTime is how long the kernel may take to stop all of a container's processes.
const freezeTime = 10 * time.Second

// Pause freezes all processes of the container id, and returns when they stand still.
// errs.ErrState: it does not run, or is paused already. errs.ErrUnsupported: it has no cgroup.
func Pause(ctx context.Context, root state.Root, id string) error {
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	switch {
	case e.Status == state.Paused:
		return fmt.Errorf("pause container %q: %w: it is paused already", e.Name, errs.ErrState)
	case e.Status != state.Running:
		return records.NotRunning("pause", e)
	case e.State.Cgroup == "":
		return fmt.Errorf("pause container %q: %w", e.Name, withoutCgroup(root, e))
	}
	ctx, cancel := context.WithTimeout(ctx, freezeTime)
	defer cancel()
	if err := cgroup.Freeze(ctx, e.State.Cgroup); err != nil {
		return fmt.Errorf("pause container %q: %w", e.Name, err)
	}
	records.Note(root, e, "pause", nil)
	return nil
}

// Unpause lets the processes of a paused container go on. errs.ErrState: it is not paused.
func Unpause(_ context.Context, root state.Root, id string) error {
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	if e.Status != state.Paused {
		return fmt.Errorf("unpause container %q: %w: it is not paused, it is %s", e.Name, errs.ErrState, e.Status)
	}
	if err := cgroup.Thaw(e.State.Cgroup); err != nil {
		return fmt.Errorf("unpause container %q: %w", e.Name, err)
	}
	records.Note(root, e, "unpause", nil)
	return nil
}

// withoutCgroup says why a running container has no cgroup, and how it gets one.
func withoutCgroup(root state.Root, e *state.Entry) error {
	if c, err := root.Load(e.ID); err == nil && c.Cgroups.Mode == "disabled" {
		return errs.WithHint(errs.Unsupportedf("it was made with --cgroups disabled"),
			"make it without --cgroups disabled")
	}
	if !systemd.Booted() {
		return errs.WithCheck(errs.Unsupportedf("it has no cgroup: %w", systemd.ErrNoSystemd), "", "manager")
	}
	return errs.WithHint(
		errs.Unsupportedf("it has no cgroup, since no systemd user manager answered when it started"),
		placement.LoginHint+"; then restart the container")
}
