package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/cdi"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/hook/rules"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
)

// edited is the runtime description of this start: what the record has, what CDI devices change in
// it, and hooks. The record stays as it is: the next start may find other ones.
func (r *run) edited(ctx context.Context) (*specs.Spec, error) {
	described := r.c.OCI
	r.groupAdd = r.c.GroupAdd
	if len(r.c.CDIDevices) > 0 {
		edits, err := cdi.Resolve(ctx, r.cfg.CDISpecDirs, r.c.CDIDevices)
		if err != nil {
			return nil, err
		}
		if err := r.apply(&described, edits); err != nil {
			return nil, err
		}
	}
	r.unit.describe(&described, r.records().RunDir(r.c.ID))
	return &described, rules.Add(&described, r.cfg.HooksDirs, slices.ContainsFunc(r.c.OCI.Mounts, r.isUserBind))
}

// isUserBind tells mounts of the host's files from those that rc makes.
func (r *run) isUserBind(m specs.Mount) bool {
	own := strings.HasPrefix(m.Source, r.records().RunDir(r.c.ID)) || strings.HasPrefix(m.Source, r.records().Dir(r.c.ID))
	return m.Type == "bind" && !own && !strings.HasPrefix(m.Destination, "/dev/")
}

// apply makes the changes of CDI devices. What the user mounts on a place stays there.
func (r *run) apply(described *specs.Spec, edits *cdi.Edits) error {
	process := *described.Process
	process.Env = spec.JoinEnv(process.Env, edits.Env)
	described.Process, described.Hooks = &process, nil
	taken := func(path string) bool {
		path = filepath.Clean("/" + path)
		return slices.Contains(oci.DefaultDevices(), path) ||
			slices.ContainsFunc(described.Mounts, func(m specs.Mount) bool { return m.Destination == path })
	}
	described.Mounts = slices.Clone(described.Mounts)
	for _, n := range edits.Nodes {
		if _, err := os.Stat(n.Host); err != nil {
			return errs.WithHint(fmt.Errorf("CDI devices: node %q: %w: it cannot be made by an ordinary user", n.Host, unwrapped(err)),
				"load the device's driver, and have its specification made anew")
		}
		if !taken(n.Container) {
			described.Mounts = append(described.Mounts, specs.Mount{
				Type: "bind", Source: n.Host, Destination: n.Container, Options: []string{"rbind", "rprivate", "nosuid", "noexec"},
			})
		}
	}
	for _, m := range edits.Mounts {
		if _, err := os.Stat(m.Source); m.Type == "bind" && err != nil {
			return fmt.Errorf("CDI devices: mount %q on %q: %w", m.Source, m.Destination, unwrapped(err))
		}
		if !taken(m.Destination) {
			described.Mounts = append(described.Mounts, m)
		}
	}
	if !slices.Contains(r.groupAdd, oci.KeepGroups) { // with it the caller's own groups open the device
		for _, gid := range edits.GIDs {
			r.groupAdd = append(slices.Clip(r.groupAdd), strconv.FormatUint(uint64(gid), 10))
		}
	}
	hooks := edits.Hooks
	described.Hooks = &hooks
	return nil
}

// unwrapped is an error of package os without the path, which the caller names.
func unwrapped(err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		return pathErr.Err
	}
	return err
}

// writeBundle writes what hooks look for beside the state that they read: config.json. Secrets are
// not in it.
func (r *run) writeBundle(plan *shim.Plan) error {
	if r.bundle == nil {
		return nil
	}
	bundle := *r.bundle
	root := *bundle.Root
	root.Path = plan.Root()
	bundle.Root = &root
	data, err := json.Marshal(&bundle)
	if err != nil {
		return fmt.Errorf("config.json for hooks: %w", err)
	}
	return os.WriteFile(filepath.Join(r.dir.RunPath(), "config.json"), data, 0o600)
}
