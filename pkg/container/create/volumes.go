package create

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse/mount"
)

// userMounts are those of flags, containers.conf and mounts.conf; the former win.
func (d *draft) userMounts() ([]specs.Mount, error) {
	var list []specs.Mount
	for _, m := range d.opts.Mounts {
		several, err := d.expand(m)
		if err != nil {
			return nil, err
		}
		for _, m := range several {
			if mountedOn(list, m.Destination) {
				return nil, errs.Invalidf("mount on %q: it is asked for twice", m.Destination)
			}
			list = append(list, m)
		}
	}
	conf := &d.env.Config.Containers
	for _, given := range []struct {
		key   string
		texts []string
		parse func(value, cwd string) (specs.Mount, error)
	}{{"volumes", conf.Volumes, mount.Volume}, {"mounts", conf.Mounts, mount.Parse}} {
		for _, text := range given.texts {
			m, err := given.parse(text, "/")
			var several []specs.Mount
			if err == nil {
				several, err = d.expand(m)
			}
			if err != nil {
				return nil, fmt.Errorf("containers.conf: %s: %w", given.key, err)
			}
			for _, m := range several {
				list = appendFree(list, m)
			}
		}
	}
	for _, m := range d.env.DefaultBinds {
		list = appendFree(list, m)
	}
	for i := range list {
		if err := d.source(&list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func appendFree(list []specs.Mount, m specs.Mount) []specs.Mount {
	if mountedOn(list, m.Destination) {
		return list
	}
	return append(list, m)
}

// expand makes bind mounts of a pattern: each source on its own path, or in the destination.
func (d *draft) expand(m specs.Mount) ([]specs.Mount, error) {
	if m.Type != spec.TypeGlob {
		return []specs.Mount{m}, nil
	}
	paths, err := d.env.Glob(m.Source)
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("nothing matches: %w", errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("mount %q: %w", m.Source, err)
	}
	var list []specs.Mount
	for _, path := range paths {
		one := specs.Mount{Type: "bind", Source: path, Destination: path, Options: slices.Clone(m.Options)}
		if m.Destination != "" {
			one.Destination = filepath.Join(m.Destination, filepath.Base(path))
		}
		list = append(list, one)
	}
	return list, nil
}

// source sees to it that there is something to be mounted.
func (d *draft) source(m *specs.Mount) error {
	switch m.Type {
	case "bind":
		if err := d.env.Exists(m.Source); err != nil && !slices.Contains(m.Options, spec.OptCopyLink) {
			return errs.WithHint(fmt.Errorf("mount %q on %q: %w", m.Source, m.Destination, err), "mkdir -p "+m.Source)
		}
		for _, option := range m.Options {
			if dir, ok := strings.CutPrefix(option, "upperdir="); ok {
				if err := d.env.Exists(dir); err != nil {
					return errs.WithHint(fmt.Errorf("mount on %q: upperdir=%s: %w", m.Destination, dir, err), "mkdir -p "+dir)
				}
			} else if dir, ok := strings.CutPrefix(option, "workdir="); ok {
				if err := d.env.Exists(dir); err != nil {
					return errs.WithHint(fmt.Errorf("mount on %q: workdir=%s: %w", m.Destination, dir, err), "mkdir -p "+dir)
				}
			}
		}
		if slices.Contains(m.Options, spec.OptOverlay) {
			m.Type = "overlay"
			d.overlay(m)
		}
	case spec.TypeVolume:
		if m.Source == "" {
			m.Source = d.anonymous(m.Destination)
			m.Options = append(slices.Clip(m.Options), spec.OptAnonymous)
		}
		if slices.Contains(m.Options, spec.OptOverlay) {
			d.overlay(m)
		}
	case spec.TypeImage:
		return d.mountImage(m)
	}
	return nil
}

// anonymous is a name for a volume that nobody names, in podman's form.
func (d *draft) anonymous(destination string) string {
	sum := sha256.Sum256([]byte(d.c.ID + destination))
	return hex.EncodeToString(sum[:])
}

// overlay gives a mount that the shim makes a directory in the container's own.
func (d *draft) overlay(m *specs.Mount) {
	dir := filepath.Join(d.env.Dir, "overlays", strconv.Itoa(d.overlays))
	d.overlays++
	m.Options = append(slices.Clip(m.Options), spec.OptOverlayDir+dir)
}

// mountImage looks the image up.
func (d *draft) mountImage(m *specs.Mount) error {
	image, err := d.env.ImageLayers(m.Source)
	if err != nil {
		return fmt.Errorf("mount image %q on %q: %w", m.Source, m.Destination, err)
	}
	m.Options = append(slices.Clip(m.Options), spec.OptImage+image.ID)
	for _, dir := range image.Rootfs.Lower {
		m.Options = append(m.Options, spec.OptLower+dir)
	}
	if image.Rootfs.MountProgram != "" {
		m.Options = append(m.Options, spec.OptMountProgram+image.Rootfs.MountProgram)
	}
	d.overlay(m)
	return nil
}

// volumesFrom are the mounts of other containers. strong are those that come before them.
func (d *draft) volumesFrom(strong []specs.Mount) ([]specs.Mount, error) {
	var out []specs.Mount
	for _, from := range d.opts.VolumesFrom {
		d.c.VolumesFrom = append(d.c.VolumesFrom, from.String())
		theirs, err := d.env.MountsOf(from.Container)
		if err != nil {
			return nil, fmt.Errorf("--volumes-from: %w", err)
		}
		for _, m := range theirs {
			if m.Type != "bind" && m.Type != spec.TypeVolume || slices.Contains(m.Options, spec.OptOverlay) {
				continue // podman's rule: what belongs to that container alone stays there
			}
			if mountedOn(strong, m.Destination) || mountedOn(out, m.Destination) {
				continue
			}
			if from.Access != "" {
				m.Options = slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "ro" || o == "rw" })
				m.Options = append(m.Options, from.Access)
			}
			out = append(out, m)
		}
	}
	return out, nil
}

// imageVolumes are the directories that the image says it writes to. strong are the mounts
// that come before them.
func (d *draft) imageVolumes(strong []specs.Mount) ([]specs.Mount, error) {
	if d.opts.ImageVolume == "ignore" {
		return nil, nil
	}
	var out []specs.Mount
	for _, declared := range slices.Sorted(maps.Keys(d.image.Config.Volumes)) {
		destination := filepath.Clean("/" + declared)
		if destination == "/" {
			return nil, errs.WithHint(
				errs.Invalidf("image volume %q: it would hide the whole image", declared), "--image-volume ignore")
		}
		if mountedOn(strong, destination) || mountedOn(out, destination) {
			continue
		}
		if d.opts.ImageVolume == "tmpfs" {
			out = append(out, specs.Mount{
				Type: "tmpfs", Source: "tmpfs", Destination: destination,
				Options: []string{"rprivate", "nosuid", "nodev", "rw", spec.OptTmpCopyUp},
			})
			continue
		}
		d.c.ImageVolumes = append(d.c.ImageVolumes, destination)
		out = append(out, specs.Mount{
			Type: spec.TypeVolume, Source: d.anonymous(destination), Destination: destination,
			Options: []string{"rbind", "rprivate", "nosuid", "nodev", "rw", spec.OptAnonymous},
		})
	}
	return out, nil
}
