package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// LeaveNetworks takes away what says that a container is on bridge networks: its leases
// (pkg/network/bridge) and its place among those who hold the bridges (pkg/network/hub). It is for
// whoever knows that the container has ended.
func (r Root) LeaveNetworks(id string) error {
	paths, err := filepath.Glob(filepath.Join(r.Run, "networks", "*", id))
	for _, path := range append(paths, filepath.Join(r.Run, "hub", id)) {
		if gone := os.Remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
