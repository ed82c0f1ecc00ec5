package driver

import (
	"cmp"
	"fmt"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/volume"
)

// Create makes a volume as its options say. One that is there is errs.ErrExists. A durable one
// survives a power cut. Owners other than the caller need the default map.
func Create(root volume.Root, v spec.Volume, durable bool) error {
	if err := spec.CheckVolumeName(v.Name); err != nil {
		return err
	}
	how, err := Parse(v.Options)
	if err != nil {
		return fmt.Errorf("volume %q: %w", v.Name, err)
	}
	v.UID, v.GID = cmp.Or(v.UID, how.UID), cmp.Or(v.GID, how.GID)
	return root.Create(v, how.Kind == volume.Plain && !how.NoCopy, durable)
}

// Source is where the files of a volume are: root's Path, or the directory of the host that it is.
func Source(root volume.Root, name string) string {
	if v, err := root.Load(name); err == nil {
		if how, err := Parse(v.Options); err == nil && how.Kind == volume.Bind {
			return how.Device
		}
	}
	return root.Path(name)
}
