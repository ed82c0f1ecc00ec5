package mounts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

// Resolved is what the shim and the first process mount.
type Resolved struct {
	// Mounts are those of the runtime description: bind mounts in place of volumes, images and
	// overlays.
	Mounts   []specs.Mount
	Overlays []shim.Overlay
	Fills    []shim.Fill
	Parts    []shim.Part
	// Tmpfs are the names of volumes in memory.
	Tmpfs []string
}

// Resolve looks up what the mounts are. A volume that is not there yet is as one that is made
// for its mount.
func Resolve(volumes volume.Root, list []specs.Mount) (*Resolved, error) {
	r := &Resolved{Mounts: make([]specs.Mount, 0, len(list))}
	for _, m := range list {
		var err error
		switch m.Type {
		case "overlay":
			m = r.overlay(m, []string{m.Source}, false)
		case spec.TypeImage:
			m = r.image(m)
		case spec.TypeVolume:
			if m, err = r.volume(volumes, m); err != nil {
				return nil, fmt.Errorf("mount volume %q on %q: %w", m.Source, m.Destination, err)
			}
		}
		r.Mounts = append(r.Mounts, m)
	}
	return r, nil
}

// overlay makes a bind mount of a place where the shim mounts an overlay.
func (r *Resolved) overlay(m specs.Mount, lower []string, readOnly bool) specs.Mount {
	o := shim.Overlay{Lower: lower, ReadOnly: readOnly}
	var upper, work string
	for _, option := range m.Options {
		key, value, _ := strings.Cut(option, "=")
		switch key + "=" {
		case "upperdir=":
			upper = value
		case "workdir=":
			work = value
		case spec.OptOverlayDir:
			o.Dir = value
		case spec.OptMountProgram:
			o.Program = value
		}
	}
	options := []string{"rbind", "rprivate"}
	plain, _ := spec.MountOptions(m)
	for _, option := range plain {
		key, _, _ := strings.Cut(option, "=")
		if !slices.Contains([]string{"upperdir", "workdir", spec.OptOverlay, "rprivate", "rbind"}, key) {
			options = append(options, option)
		}
	}
	if o.Dir == "" {
		o.Dir = filepath.Dir(upper) // the container's own, which has no other place
	} else {
		o.Upper, o.Work = upper, work
	}
	r.Overlays = append(r.Overlays, o)
	m.Type, m.Source, m.Options = "bind", o.Target(), options
	return m
}

// image makes a bind mount of an image's layers.
func (r *Resolved) image(m specs.Mount) specs.Mount {
	var lower []string
	for _, option := range m.Options {
		if dir, ok := strings.CutPrefix(option, spec.OptLower); ok {
			lower = append(lower, dir)
		}
	}
	options, subpath := spec.MountOptions(m)
	m = r.overlay(m, lower, slices.Contains(options, "ro"))
	r.Overlays[len(r.Overlays)-1].Shift = true
	if subpath != "" {
		m = r.part(m, subpath)
	}
	return m
}

// part shows what lies below the source of a bind mount.
func (r *Resolved) part(m specs.Mount, subpath string) specs.Mount {
	p := shim.Part{
		Key: filepath.Join(m.Source, subpath) + ":" + m.Destination, Path: m.Source, Subpath: subpath,
		Recursive: slices.Contains(m.Options, "rbind"),
	}
	r.Parts = append(r.Parts, p)
	m.Source = p.Key
	return m
}

func (r *Resolved) volume(volumes volume.Root, m specs.Mount) (specs.Mount, error) {
	v, err := volumes.Load(m.Source)
	isNew := errors.Is(err, errs.ErrNotFound)
	if isNew {
		wanted := spec.VolumeOf(m)
		v, err = &wanted, nil
	}
	var how volume.Mount
	if err == nil {
		how, err = driver.Parse(v.Options)
	}
	if err != nil {
		return m, err
	}
	name := m.Source
	options, subpath := spec.MountOptions(m)
	over := slices.Contains(options, spec.OptOverlay)
	if how.Kind == volume.Tmpfs {
		if over || subpath != "" {
			return m, errs.Unsupportedf("it lives in memory, where O and subpath= have nothing to show")
		}
		r.Tmpfs = append(r.Tmpfs, name)
		return tmpfs(m, options, how), nil
	}
	asked := m.Options
	noCopy := how.NoCopy || slices.Contains(m.Options, spec.OptNoCopy)
	m.Type, m.Source, m.Options = "bind", volumes.Path(name), options
	if how.Kind == volume.Bind {
		if _, err := os.Stat(how.Device); err != nil {
			return specs.Mount{Source: name, Destination: m.Destination}, errs.WithHint(err, "mkdir -p "+how.Device)
		}
		m.Source = how.Device
		for _, option := range how.Options {
			if option != "rbind" && option != "rprivate" { // they are there anyway
				m.Options = append(m.Options, option)
			}
		}
	} else if !over && subpath == "" && (isNew || volumes.Unfilled(name)) || volumes.Pending(name) {
		r.Fills = append(r.Fills, shim.Fill{Volume: name, Target: m.Destination, Copy: !noCopy})
	}
	if over {
		m.Options = asked
		return r.overlay(m, []string{m.Source}, false), nil
	}
	if subpath != "" {
		return r.part(m, subpath), nil
	}
	return m, nil
}

// tmpfs is the mount of a volume in memory.
func tmpfs(m specs.Mount, options []string, how volume.Mount) specs.Mount {
	out := specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: m.Destination}
	for _, option := range options {
		if option != "rbind" && option != "bind" {
			out.Options = append(out.Options, option)
		}
	}
	for _, option := range how.Options {
		if !slices.Contains(out.Options, option) {
			out.Options = append(out.Options, option)
		}
	}
	if slices.Contains(m.Options, spec.OptNoCopy) {
		out.Options = slices.DeleteFunc(out.Options, func(o string) bool { return o == spec.OptTmpCopyUp })
	}
	return out
}
