package lifecycle

import (
	"errors"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/volume"
)

// dropVolumes removes volumes that were made for a container that is gone. Those that another
// container has stay.
func dropVolumes(root state.Root, names []string) error {
	volumes := volume.Root{Data: root.Data, Run: root.Run}
	var all error
	for _, name := range names {
		_, err := volumes.Remove(name, func() error { return root.VolumeUnused(name) })
		if err != nil && !errors.Is(err, errs.ErrInUse) && !errors.Is(err, errs.ErrNotFound) {
			all = errors.Join(all, err)
		}
	}
	return all
}
