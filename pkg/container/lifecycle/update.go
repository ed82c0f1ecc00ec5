package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/systemd"
)

// UpdateOptions say what to change of a container.
type UpdateOptions struct {
	// Resources are limits, of which those count whose flags Given names, without dashes.
	Resources create.Resources
	Given     []string
	// Restart is the new policy, nil for the one that it has.
	Restart *spec.Restart
}

// Update changes limits and the restart policy of the container id, in the cgroup of one that
// runs and on record, or not at all: everything is checked before, and put back where the
// kernel or systemd refuses a part of it. A running shim reads the policy when it needs it.
func Update(ctx context.Context, root state.Root, id string, o UpdateOptions) error {
	// Who starts it meanwhile would read the old limits.
	dir, err := root.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	u := &update{e: e, undo: func() error { return nil }}
	err = root.Update(id, func(c *spec.Container) error { return u.change(ctx, root, c, o) })
	if err != nil {
		return errors.Join(fmt.Errorf("update container %q: %w", e.Name, err), u.undo())
	}
	records.Note(root, e, "update", nil)
	return nil
}

type update struct {
	e    *state.Entry
	undo func() error
}

// change works on the record that is about to be written.
func (u *update) change(ctx context.Context, root state.Root, c *spec.Container, o UpdateOptions) error {
	if o.Restart != nil {
		if err := create.CheckRestart(*o.Restart, c.Remove); err != nil {
			return err
		}
		c.Restart = *o.Restart
	}
	if len(o.Given) == 0 {
		return nil
	}
	if c.Cgroups.Mode == "disabled" {
		return errs.Invalidf("--%s: it was made with --cgroups disabled", o.Given[0])
	}
	if c.OCI.Linux == nil {
		c.OCI.Linux = &specs.Linux{}
	}
	next, err := create.Update(c.OCI.Linux.Resources, o.Resources, o.Given)
	if err != nil {
		return err
	}
	was, err := cgroup.Files(c.OCI.Linux.Resources)
	if err != nil {
		return err
	}
	files, err := cgroup.Files(next)
	if err != nil {
		return err
	}
	if err := cgroup.CheckCPUs(files); err != nil {
		return err
	}
	c.OCI.Linux.Resources = next
	c.Cgroups.DefaultPIDs = c.Cgroups.DefaultPIDs && !slices.Contains(o.Given, "pids-limit")
	changes := cgroup.Changes(was, files)
	if !u.e.Alive() || len(changes) == 0 {
		return nil
	}
	if u.e.State.Cgroup == "" {
		return withoutCgroup(root, u.e)
	}
	return u.apply(ctx, changes, cgroup.Changes(files, was))
}

// apply changes the cgroup, and the scope that it is in. back are the writes that undo it.
func (u *update) apply(ctx context.Context, changes, back []cgroup.File) error {
	dir := u.e.State.Cgroup
	if err := checkUsage(dir, changes); err != nil {
		return err
	}
	h, err := cgroup.Find()
	if err != nil {
		return err
	}
	if err := h.Equip(dir, changes); err != nil {
		return err
	}
	if err := u.setScope(ctx, changes); err != nil {
		return err
	}
	undo, err := cgroup.Update(dir, changes)
	if err != nil {
		return errors.Join(err, u.setScope(ctx, back))
	}
	u.undo = func() error { return errors.Join(undo(), u.setScope(context.WithoutCancel(ctx), back)) }
	return nil
}

// setScope changes the limits that a systemd scope has beside those of the leaf in it.
func (u *update) setScope(ctx context.Context, files []cgroup.File) error {
	if u.e.State.Scope == "" {
		return nil
	}
	bus, err := systemd.Connect(ctx, os.Getuid())
	if err != nil {
		return err
	}
	defer func() { _ = bus.Close() }()
	properties := systemd.Properties(func(yield func(string, string) bool) {
		for _, f := range files {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	})
	return bus.SetProperties(ctx, u.e.State.Scope, properties)
}

// checkUsage refuses a memory limit below what is in use: the kernel would kill for it.
func checkUsage(dir string, files []cgroup.File) error {
	i := slices.IndexFunc(files, func(f cgroup.File) bool { return f.Name == "memory.max" && f.Value != "max" })
	if i < 0 {
		return nil
	}
	limit, err := strconv.ParseUint(files[i].Value, 10, 64)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(dir, "memory.current"))
	if err != nil {
		return nil //nolint:nilerr // the controller is not enabled yet: nobody has counted
	}
	if used, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64); err == nil && used > limit {
		return errs.Invalidf("--memory %d: it uses %d bytes at the moment", limit, used)
	}
	return nil
}
