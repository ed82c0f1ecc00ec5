package lifecycle

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// Cleanup takes away what a killed shim left of the container id: the record of its end, its
// runtime directory, its cgroup. Where nothing is left there is nothing to do. errs.ErrState:
// a shim looks after it.
func Cleanup(ctx context.Context, root state.Root, id string) error {
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	if e.Alive() {
		return fmt.Errorf("clean up container %q: %w: it is %s", e.Name, errs.ErrState, e.Status)
	}
	if err := complete(ctx, root, e); err != nil {
		return err
	}
	records.Note(root, e, "cleanup", nil)
	return nil
}
