package container

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
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
	}
	return nil
}

// nested tells whether the container has a user namespace within its shim's.
func (r *run) nested() bool { return spec.HasNamespace(&r.c.OCI, specs.UserNamespace) }

// planIDs gives the plan what is known of the container's ids.
func (r *run) planIDs(plan *shim.Plan) {
	plan.UIDs, plan.GIDs = r.c.OCI.Linux.UIDMappings, r.c.OCI.Linux.GIDMappings
}

// bindsOf are the sources of bind mounts that the shim has to open, but for those that it
// mounts itself.
func bindsOf(mounts []specs.Mount, overlays []shim.Overlay) []oci.Bind {
	return slices.DeleteFunc(oci.Binds(mounts), func(b oci.Bind) bool {
		return slices.ContainsFunc(overlays, func(o shim.Overlay) bool { return o.Target() == b.Source })
	})
}

// allocateIDs chooses the ids of a container with --userns auto, which have to be nobody else's.
func (r *run) allocateIDs(ctx context.Context, plan *shim.Plan) error {
	if r.c.Userns.Mode != spec.UsernsAuto {
		return nil
	}
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return err
	}
	chosen, err := r.records().ReserveIDs(r.c.ID, func(taken []spec.IDMaps) (spec.IDMaps, error) { return ids.Auto(r.c.Userns, taken) })
	if err != nil {
		return err
	}
	plan.UIDs, plan.GIDs = chosen.UIDs, chosen.GIDs
	return nil
}

// Layers are the directories that a container's root is made of, topmost first: what it has written
// comes before its image's.
func Layers(cfg *config.Config, id string) ([]string, error) {
	c, err := Records(cfg).Load(id)
	if err != nil {
		return nil, err
	}
	if c.Rootfs.Path != "" && !c.Rootfs.Overlay {
		return []string{c.Rootfs.Path}, nil
	}
	layers := append([]string{filepath.Join(Records(cfg).Dir(c.ID), "upper")}, c.Rootfs.Lower...)
	if c.Rootfs.Path != "" {
		layers = append(layers, c.Rootfs.Path)
	}
	return layers, nil
}
