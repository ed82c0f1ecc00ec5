package system

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/state"
)

// CheckOptions are those of `rc system check`.
type CheckOptions struct {
	// Quick leaves out what has to read all files of all images.
	Quick bool
	// Max is how old a layer may be that no image has.
	Max time.Duration
	// Repair mends what is found; Force also where a container is lost by it.
	Repair, Force bool
}

// Finding is something that should not be so.
type Finding struct {
	Object, Problem string
	// Mended says that it is not so any more, How what that took, where that is worth a word; Kept
	// is why it still is, after a try to mend it.
	Mended bool
	How    string
	Kept   string
}

// checking is one call of Check.
type checking struct {
	cfg    *config.Config
	root   state.Root
	o      CheckOptions
	report func(Finding)
}

// Check looks at records, names, runtime directories, cgroups, the image index and the image
// store, calls report for each finding, and mends it before if that is asked for. What
// processes that live are in the middle of is no finding. The error is of what could not be looked at.
func Check(ctx context.Context, cfg *config.Config, o CheckOptions, report func(Finding)) error {
	c := &checking{cfg: cfg, root: records.Of(cfg), o: o, report: report}
	var all error
	for _, part := range []func(context.Context) error{
		c.shims, c.records, c.volumes, c.cgroups, c.remains, c.index, c.images, c.layers, c.secrets, c.trash,
	} {
		if err := ctx.Err(); err != nil {
			return errors.Join(all, context.Cause(ctx))
		}
		all = errors.Join(all, part(ctx))
	}
	return all
}

// found reports one finding. mend is not called where a container would be lost by it, unless
// that is wanted.
func (c *checking) found(object, problem string, lossy bool, mend func() error) {
	f := Finding{Object: object, Problem: problem}
	switch {
	case !c.o.Repair:
	case lossy && !c.o.Force:
		f.Kept = "the container would be removed, with all that it has written: that takes --force"
	default:
		if err := mend(); err != nil {
			f.Kept = err.Error()
		} else {
			f.Mended = true
		}
	}
	c.report(f)
}

// shims finds containers whose shim was killed, which every other call of rc takes care of by the way.
func (c *checking) shims(ctx context.Context) error {
	dead, err := twice(ctx, func() ([]lifecycle.DeadShim, error) { return lifecycle.Dead(c.root) }, func(d lifecycle.DeadShim) string { return d.ID })
	if err != nil {
		return fmt.Errorf("check shims: %w", err)
	}
	for _, d := range dead {
		c.found("container "+d.ID[:12], fmt.Sprintf("its shim (process %d) was killed", d.State.ShimPID), false, func() error {
			return lifecycle.Reap(ctx, c.root, d.ID)
		})
	}
	return nil
}

// again is after how long a finding has to be there still: removing a container takes several
// steps, and so does renaming one, with nobody's lock on all of it.
const again = 500 * time.Millisecond

// twice looks a second time where something is found, and gives what was there both times.
func twice[T any](ctx context.Context, look func() ([]T, error), key func(T) string) ([]T, error) {
	found, err := look()
	if err != nil || len(found) == 0 {
		return nil, err
	}
	before := map[string]bool{}
	for _, f := range found {
		before[key(f)] = true
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(again):
	}
	found, err = look()
	return slices.DeleteFunc(found, func(f T) bool { return !before[key(f)] }), err
}

func (c *checking) records(ctx context.Context) error {
	found, err := twice(ctx, c.root.Check, func(f state.Finding) string { return f.Object + f.Problem })
	for _, f := range found {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.found(f.Object, f.Problem, f.Lossy, f.Mend)
	}
	return err
}

func (c *checking) cgroups(ctx context.Context) error {
	for _, o := range lifecycle.OrphanedCgroups(c.root) {
		c.found("cgroup "+o.Dir, "of a container that does not run", false, func() error { return o.Remove(ctx) })
	}
	return nil
}

// images has rc-image look into the store. Containers of damaged images go first, if that is wanted.
func (c *checking) images(ctx context.Context) error {
	if !exists(c.cfg.StorageRoot()) {
		return nil
	}
	o := image.CheckOptions{Quick: c.o.Quick, Max: c.o.Max, Repair: c.o.Repair}
	for {
		found, err := image.Check(ctx, c.cfg, o)
		if err != nil {
			return fmt.Errorf("check images: %w", err)
		}
		removed := 0
		for _, d := range found {
			if c.o.Repair && c.o.Force && len(d.Containers) > 0 {
				if err := c.removeAll(ctx, d.Containers); err != nil {
					d.Kept = err.Error()
				} else {
					removed++
					continue // the image is for the next round
				}
			}
			c.report(Finding{Object: d.Object, Problem: d.Problem, Mended: d.Removed || d.Mended, How: lost(d), Kept: d.Kept})
		}
		if removed == 0 {
			return nil
		}
	}
}

// lost says how to have an image again that was removed.
func lost(d image.Damaged) string {
	if !d.Removed || d.Image == "" {
		return ""
	}
	names := strings.Join(d.Names, " ")
	switch {
	case names == "":
		return "removed"
	case strings.HasPrefix(names, "localhost/"):
		return "removed; it was made here, and has to be made again: " + names
	}
	return "removed; to have it again: rc pull " + names
}

func (c *checking) removeAll(ctx context.Context, ids []string) error {
	for _, id := range ids {
		err := lifecycle.Remove(ctx, c.root, id, lifecycle.RemoveOptions{Force: true})
		if err != nil && !errors.Is(err, errs.ErrNotFound) {
			return err
		}
	}
	return nil
}
