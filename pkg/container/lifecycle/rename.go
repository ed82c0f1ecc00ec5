package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/state"
)

// Rename gives the container id another name. errs.ErrExists: the name is taken.
func Rename(ctx context.Context, root state.Root, id, name string) error {
	var old string
	err := whenFree(ctx, func() error {
		var err error
		old, err = root.Rename(id, name)
		return err
	})
	if errors.Is(err, errs.ErrInUse) {
		return fmt.Errorf("rename container %s: %w: it is being created", id[:12], errs.ErrState)
	}
	if err != nil {
		return err
	}
	// Others on its networks find it by its new name from here on.
	leases := &bridge.Store{Data: root.Data, Run: root.Run}
	if err := leases.Rename(id, name); err != nil {
		return fmt.Errorf("rename container %s: %w", id[:12], err)
	}
	if e, err := root.Find(id); err == nil {
		records.Note(root, e, "rename", map[string]string{"oldName": old})
	}
	return nil
}

// whenFree tries again for a while where somebody else has the container just now: who makes
// or starts it, or a sweep. After that the error is errs.ErrInUse.
func whenFree(ctx context.Context, do func() error) error {
	for deadline := time.Now().Add(startGrace); ; {
		err := do()
		if !errors.Is(err, errs.ErrInUse) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(PollEvery):
		}
	}
}
