package mounts

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

// Held are volumes that cannot be removed until Release, which comes when the record of
// their container names them.
type Held struct {
	volumes volume.Root
	locks   []*os.File
	made    []string
}

// Hold makes the volumes that are not there, unless the container is an old one, which had
// them once, and keeps all from being removed.
func Hold(volumes volume.Root, list []specs.Mount, old, durable bool) (*Held, error) {
	h := &Held{volumes: volumes}
	for _, m := range list {
		if m.Type != spec.TypeVolume {
			continue
		}
		if err := h.hold(spec.VolumeOf(m), old, durable); err != nil {
			return nil, errors.Join(err, h.Discard(func(string) error { return nil }))
		}
	}
	return h, nil
}

func (h *Held) hold(v spec.Volume, old, durable bool) error {
	if old {
		if _, err := h.volumes.Load(v.Name); errors.Is(err, errs.ErrNotFound) {
			return errs.WithHint(fmt.Errorf("volume %q of the container: %w", v.Name, errs.ErrNotFound), "rc volume create "+v.Name)
		}
	}
	lock, made, err := h.volumes.Hold(v.Name, func() error { return driver.Create(h.volumes, v, durable) })
	if err != nil {
		return err
	}
	h.locks = append(h.locks, lock)
	if made {
		h.made = append(h.made, v.Name)
	}
	return nil
}

// Release lets go. It may be called more than once, and of nil.
func (h *Held) Release() {
	if h == nil {
		return
	}
	for _, lock := range h.locks {
		lock.Close()
	}
	h.locks = nil
}

// Discard takes away what Hold made, unless somebody else uses it by now.
func (h *Held) Discard(unused func(name string) error) error {
	if h == nil {
		return nil
	}
	h.Release()
	var all error
	for _, name := range h.made {
		_, err := h.volumes.Remove(name, func() error { return unused(name) })
		if err != nil && !errors.Is(err, errs.ErrNotFound) && !errors.Is(err, errs.ErrInUse) {
			all = errors.Join(all, err)
		}
	}
	return all
}
