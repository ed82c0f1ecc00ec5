package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/mounts"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/userns"
)

// accountsDir is the layer of a container's own between its image's and what it writes, which
// holds account files with its users.
const accountsDir = "accounts"

// describeAccounts decides what is in it.
func (r *run) describeAccounts(ctx context.Context) error {
	var err error
	if r.accounts, err = create.Accounts(ctx, r.c, r.opts, r.image); err != nil || len(r.accounts) == 0 {
		return err
	}
	layer := filepath.Join(r.records().Dir(r.c.ID), accountsDir)
	r.c.Rootfs.Lower = append([]string{layer}, r.c.Rootfs.Lower...)
	return nil
}

func (r *run) writeAccounts() error {
	for name, content := range r.accounts {
		path := filepath.Join(r.dir.Path(), accountsDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		r.likeImage(filepath.Dir(name))
	}
	return nil
}

// likeImage gives a directory of that layer, which covers the image's, the mode and the time of that.
func (r *run) likeImage(name string) {
	for _, layer := range r.image.Rootfs.Lower {
		if info, err := os.Lstat(filepath.Join(layer, name)); err == nil && info.IsDir() {
			path := filepath.Join(r.dir.Path(), accountsDir, name)
			_ = os.Chmod(path, info.Mode().Perm())
			_ = os.Chtimes(path, info.ModTime(), info.ModTime())
			return
		}
	}
}

// nested tells whether the container has a user namespace within its shim's.
func (r *run) nested() bool { return spec.HasNamespace(&r.c.OCI, specs.UserNamespace) }

// planIDs gives the plan what is known of the container's ids. Those of a container on record are what the
// user's range has become.
func (r *run) planIDs(ctx context.Context, plan *shim.Plan) error {
	chosen := spec.IDMaps{UIDs: r.c.OCI.Linux.UIDMappings, GIDs: r.c.OCI.Linux.GIDMappings}
	if r.old && len(chosen.UIDs) > 0 {
		ids, err := userns.DefaultMap(ctx)
		if err != nil {
			return err
		}
		switch u := r.c.Userns; u.Mode {
		case spec.UsernsKeepID:
			chosen, err = ids.KeepID(*u.UID, *u.GID, u.Size)
		case spec.UsernsNoMap:
			chosen, err = ids.NoMap()
		default:
			chosen, err = ids.Fit(chosen)
		}
		if err != nil {
			return err
		}
	}
	plan.UIDs, plan.GIDs = chosen.UIDs, chosen.GIDs
	return nil
}

// bindsOf are the sources of bind mounts that the shim has to open, but for those that it
// mounts itself.
func bindsOf(r *mounts.Resolved) []oci.Bind {
	return slices.DeleteFunc(oci.Binds(r.Mounts), func(b oci.Bind) bool {
		return slices.ContainsFunc(r.Overlays, func(o shim.Overlay) bool { return o.Target() == b.Source }) ||
			slices.ContainsFunc(r.Parts, func(p shim.Part) bool { return p.Key == b.Source })
	})
}

// identify settles the container's user namespace.
func (r *run) identify(ctx context.Context, env *create.Environment) error {
	o := &r.opts.Identities
	if err := env.Identify(ctx, o); err != nil || o.Userns.Mode != spec.UsernsContainer {
		return err
	}
	e, err := r.records().Find(o.Userns.Container)
	if err != nil {
		return fmt.Errorf("--userns: %w", err)
	}
	other, err := r.records().Load(e.ID)
	if err != nil {
		return fmt.Errorf("--userns: %w", err)
	}
	o.Userns.Container = e.ID
	env.JoinsNested = spec.HasNamespace(&other.OCI, specs.UserNamespace)
	return nil
}

// joined is another container whose user namespace is shared. Files are nil where it is not.
type joined struct {
	shim   *os.File    // a pidfd of its shim: the new one is started in the namespace of that
	userns *os.File    // its own one within that, where it has one
	ids    spec.IDMaps // which are that one's
	netns  *os.File    // a network namespace of that user namespace, for the shim and the container
}

func (j *joined) close() {
	for _, f := range []*os.File{j.shim, j.userns, j.netns} {
		if f != nil {
			f.Close()
		}
	}
}

// joinUserns finds out what is joined, of a container that has to run.
func (r *run) joinUserns() error {
	if r.c.Userns.Mode != spec.UsernsContainer {
		return nil
	}
	e, err := r.records().Find(r.c.Userns.Container)
	if err != nil {
		return fmt.Errorf("--userns: %w", err)
	}
	if !e.Alive() || e.State == nil || e.State.PID == 0 {
		return fmt.Errorf("--userns: %w", records.NotRunning("join the user namespace of", e))
	}
	if r.joined.shim, err = lifecycle.OpenProcess(e.State.ShimPID, e.State.ShimStart); err != nil || r.joined.shim == nil {
		return errors.Join(err, fmt.Errorf("--userns: container %q: %w: it has just ended", e.Name, errs.ErrState))
	}
	other, err := r.records().Load(e.ID)
	if err != nil || !spec.HasNamespace(&other.OCI, specs.UserNamespace) {
		return err
	}
	if r.joined.userns, err = os.Open(fmt.Sprintf("/proc/%d/ns/user", e.State.PID)); err != nil {
		return fmt.Errorf("--userns: container %q: %w", e.Name, err)
	}
	if !linux.Alive(e.State.PID, e.State.PIDStart) { // the pid may have been another's
		return fmt.Errorf("--userns: container %q: %w: it has just ended", e.Name, errs.ErrState)
	}
	r.joined.ids = spec.IDMaps{UIDs: other.OCI.Linux.UIDMappings, GIDs: other.OCI.Linux.GIDMappings}
	if chosen, err := r.records().ReadIDs(e.ID); err == nil {
		r.joined.ids = chosen
	}
	return nil
}

// allocateIDs chooses the ids of a container with --userns auto, which have to be nobody else's, or notes
// those of one that is joined, so that nobody else gets them when that has gone.
func (r *run) allocateIDs(ctx context.Context, plan *shim.Plan) error {
	var choose func(taken []spec.IDMaps) (spec.IDMaps, error)
	switch {
	case r.joined.userns != nil:
		choose = func([]spec.IDMaps) (spec.IDMaps, error) { return r.joined.ids, nil }
	case r.c.Userns.Mode == spec.UsernsAuto:
		ids, err := userns.DefaultMap(ctx)
		if err != nil {
			return err
		}
		choose = func(taken []spec.IDMaps) (spec.IDMaps, error) { return ids.Auto(r.c.Userns, taken) }
	default:
		return nil
	}
	chosen, err := r.records().ReserveIDs(r.c.ID, choose)
	if err != nil {
		return err
	}
	plan.UIDs, plan.GIDs = chosen.UIDs, chosen.GIDs
	return nil
}

// Layers are the directories that a container's root is made of, topmost first: what it has written
// comes before its image's.
func Layers(cfg *config.Config, id string) ([]string, error) {
	c, err := records.Of(cfg).Load(id)
	if err != nil {
		return nil, err
	}
	if c.Rootfs.Path != "" && !c.Rootfs.Overlay {
		return []string{c.Rootfs.Path}, nil
	}
	layers := append([]string{filepath.Join(records.Of(cfg).Dir(c.ID), "upper")}, c.Rootfs.Lower...)
	if c.Rootfs.Path != "" {
		layers = append(layers, c.Rootfs.Path)
	}
	return layers, nil
}
