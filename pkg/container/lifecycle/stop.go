package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// StopOptions say how to stop a container.
type StopOptions struct {
	// Timeout is how many seconds it has between its stop signal and SIGKILL; nil is its own.
	Timeout *uint
	// Signal asks it to end, 0 is its own stop signal.
	Signal unix.Signal
}

// Stop ends the container id, see ending, and waits until its shim has cleaned up. One that
// does not run is stopped already. errs.ErrNotFound: it is not there (any more).
func Stop(ctx context.Context, root state.Root, id string, o StopOptions) error {
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	if e.Starting {
		if e, err = settle(ctx, root, e); err != nil {
			return goneIsFine(err)
		}
		if e.Starting {
			return fmt.Errorf("stop container %q: %w: it is being started", e.Name, errs.ErrState)
		}
	}
	if e.State == nil {
		return nil
	}
	if err := endContainer(ctx, root, e, o); err != nil {
		return fmt.Errorf("stop container %q: %w", e.Name, err)
	}
	if e.Alive() {
		records.Note(root, e, "stop", nil)
	}
	return nil
}

// goneIsFine takes a container that removed itself (--rm) as what was wanted.
func goneIsFine(err error) error {
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return err
}
