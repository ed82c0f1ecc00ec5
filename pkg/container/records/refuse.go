package records

import (
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/state"
)

// NotRunning says what cannot be done with a container as it is.
func NotRunning(what string, e *state.Entry) error {
	err := fmt.Errorf("%s container %q: %w: it is %s", what, e.Name, errs.ErrState, e.Status)
	switch e.Status {
	case state.Paused:
		return errs.WithHint(err, "rc unpause "+e.Name)
	case state.Created, state.Exited, state.Initialized:
		return errs.WithHint(err, "rc start "+e.Name)
	}
	return err
}

// AskError words what a shim said, or did not say.
func AskError(what string, e *state.Entry, err error) error {
	err = fmt.Errorf("%s container %q: %w", what, e.Name, err)
	if errors.Is(err, shim.ErrNoAnswer) && e.State != nil {
		return errs.WithHint(err, fmt.Sprintf("kill -CONT %d, if somebody has stopped it; rc rm -f %s", e.State.ShimPID, e.Name))
	}
	return err
}
