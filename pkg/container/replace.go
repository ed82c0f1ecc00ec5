package container

import (
	"context"
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

// replaced is the container that has the name, with --replace; nil for none. One that others need is refused.
func (r *run) replaced() (*state.Entry, error) {
	if !r.opts.Replace || r.opts.Name == "" {
		return nil, nil
	}
	old, err := r.records().Find(r.opts.Name)
	if errors.Is(err, errs.ErrNotFound) || err == nil && old.Name != r.opts.Name {
		return nil, nil
	}
	if err == nil {
		err = records.NetworkSharers(r.records()).Check(old.ID, old.Name, func(string) bool { return false })
	}
	if err != nil {
		return nil, fmt.Errorf("--replace: %w", err)
	}
	return old, nil
}

// replace removes it. That comes last of what may fail before the new container has its name and ports.
func (r *run) replace(ctx context.Context, old *state.Entry) error {
	if old == nil {
		return nil
	}
	if err := lifecycle.Remove(ctx, r.records(), old.ID, lifecycle.RemoveOptions{Force: true}); err != nil {
		return fmt.Errorf("--replace: %w", err)
	}
	return lifecycle.EmptyTrash(ctx, r.cfg, 0)
}
