package container

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// findRequired makes full ids of --requires.
func (r *run) findRequired() error {
	ids := make([]string, 0, len(r.opts.Requires))
	for _, name := range r.opts.Requires {
		e, err := r.records().Find(name)
		if err != nil {
			return fmt.Errorf("--requires: %w", err)
		}
		if e.Name == r.opts.Name {
			return errs.Invalidf("--requires %q: the new container would require the one whose name it has", name)
		}
		if e.Remove && !e.Alive() {
			return fmt.Errorf("--requires: container %q: %w: with --rm it is gone once it has ended", e.Name, errs.ErrState)
		}
		ids = append(ids, e.ID)
	}
	r.opts.Requires = ids
	return nil
}

// startRequired starts the containers of --requires, those first that they require in their turn. No lock is
// held meanwhile.
func startRequired(ctx context.Context, cfg *config.Config, ids []string) error {
	root := records.Of(cfg)
	for _, id := range requiredOrder(root, ids) {
		e, err := root.Find(id)
		if err != nil {
			return fmt.Errorf("--requires: %w", err)
		}
		if e.Alive() && e.Status != state.Initialized {
			continue
		}
		if _, err := start(ctx, cfg, id, StartOptions{}); err != nil {
			return fmt.Errorf("--requires: %w", err)
		}
	}
	return nil
}

// requiredOrder has each container once, behind those that it requires. Records that somebody has changed may go
// round in circles.
func requiredOrder(root state.Root, ids []string) []string {
	var order []string
	seen := map[string]bool{}
	var visit func(ids []string)
	visit = func(ids []string) {
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			if e, err := root.Find(id); err == nil {
				visit(e.Requires)
			}
			order = append(order, id)
		}
	}
	visit(ids)
	return order
}
