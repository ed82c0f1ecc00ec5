package container

import (
	"context"
	"errors"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/mounts"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// holdVolumes makes the container's volumes, where there are none, and keeps them.
func (r *run) holdVolumes() error {
	for _, name := range r.resolved.Tmpfs {
		if err := r.tmpfsFree(name); err != nil {
			return err
		}
	}
	var err error
	r.held, err = mounts.Hold(records.Volumes(r.cfg), r.c.OCI.Mounts, r.old, !r.c.Remove)
	if r.old {
		r.held.Release() // its record names them
	}
	return err
}

// tmpfsFree refuses a volume in memory that a running container has: each shim mounts its own.
func (r *run) tmpfsFree(name string) error {
	users, _ := r.records().VolumeUsers()
	for _, e := range users[name] {
		if e.ID != r.c.ID && e.Alive() {
			return errs.WithHint(errs.Unsupportedf("volume %q: it lives in memory, and container %q, which runs, has it: there is no daemon that both could share it through",
				name, e.Name), "a volume without type=tmpfs, or rc stop "+e.Name)
		}
	}
	return nil
}

// mountsOf are the mounts that the user or the image of another container asked for.
func (r *run) mountsOf(name string) ([]specs.Mount, error) {
	root := r.records()
	e, err := root.Find(name)
	if err != nil {
		return nil, err
	}
	c, err := root.Load(e.ID)
	if err != nil {
		return nil, err
	}
	var out []specs.Mount
	for _, m := range c.OCI.Mounts {
		if state.IsUserMount(root, c, m) && !slices.Contains(m.Options, spec.OptCopyUp) {
			out = append(out, m)
		}
	}
	return out, nil
}

// imageLayers looks up an image that is to be mounted; it has to be there already, as for podman.
func (r *run) imageLayers(name string) (create.Image, error) {
	if r.step != nil {
		if found, ok := r.step.Images[name]; ok {
			return found, nil
		}
	}
	found, err := image.Resolve(context.Background(), r.cfg, name, spec.Platform{})
	if errors.Is(err, errs.ErrNotFound) {
		return create.Image{}, errs.WithHint(err, "rc pull "+name)
	}
	if err != nil {
		return create.Image{}, err
	}
	i := create.Image{Image: spec.Image{ID: found.ID}, Rootfs: spec.Rootfs{Lower: found.Lower}}
	if found.FuseOnly {
		i.Rootfs.MountProgram = overlay.Fuse
	}
	return i, nil
}

// VolumeOf is a volume as one of its containers would make it.
func VolumeOf(cfg *config.Config, name string, users []state.Entry) spec.Volume {
	for _, e := range users {
		c, err := records.Of(cfg).Load(e.ID)
		if err != nil {
			continue
		}
		for _, m := range c.OCI.Mounts {
			if m.Type == spec.TypeVolume && m.Source == name {
				return spec.VolumeOf(m)
			}
		}
	}
	return spec.Volume{Name: name, Driver: spec.DriverLocal}
}
