package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/state"
)

// Kill sends a signal to the first process of the container id. After SIGKILL it waits for
// the end; the others are only sent. SIGKILL and the container's stop signal mean that the
// user wants it to end: its restart policy does not start it anew. errs.ErrState: it does
// not run.
func Kill(ctx context.Context, root state.Root, id string, sig unix.Signal) error {
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	if e.Status == state.Restarting && final(root, id, sig) {
		sig = unix.SIGKILL // there is no process that could do something else
	} else if e.Status != state.Running && e.Status != state.Paused {
		return records.NotRunning("kill", e)
	}
	if sig == unix.SIGKILL {
		err = endContainer(ctx, root, e, StopOptions{Timeout: new(uint)})
	} else {
		err = kill(root, e, sig)
	}
	if err != nil {
		return fmt.Errorf("kill container %q: %w", e.Name, err)
	}
	records.Note(root, e, "kill", map[string]string{"signal": strconv.Itoa(int(sig))})
	return nil
}

func kill(root state.Root, e *state.Entry, sig unix.Signal) error {
	first, err := OpenProcess(e.State.PID, e.State.PIDStart)
	if err != nil {
		return err
	}
	if first == nil { // just now
		return fmt.Errorf("it has ended: %w", errs.ErrState)
	}
	defer first.Close()
	if final(root, e.ID, sig) {
		if err := root.MarkStopped(e.ID); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return linux.PidfdSignal(first, sig)
}

// final says whether a signal is meant to end the container.
func final(root state.Root, id string, sig unix.Signal) bool {
	if sig == unix.SIGKILL {
		return true
	}
	c, err := root.Load(id)
	return err == nil && unix.Signal(c.StopSignal) == sig
}
