package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// idsFile, in the runtime directory, says which ids were chosen for a container that runs: as long as it is
// there no other one gets them.
const idsFile = "idmap.json"

// ReserveIDs has choose find ids for the container id, with those of all others that run before it, and
// writes them down. Nobody else chooses meanwhile.
func (r Root) ReserveIDs(id string, choose func(taken []spec.IDMaps) (spec.IDMaps, error)) (spec.IDMaps, error) {
	lock, err := os.Open(r.runsDir()) // which has the container's already
	if err != nil {
		return spec.IDMaps{}, err
	}
	defer lock.Close() // and thereby unlocked
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return spec.IDMaps{}, fmt.Errorf("lock %q: %w", lock.Name(), err)
	}
	taken, err := r.takenIDs(id)
	if err != nil {
		return spec.IDMaps{}, err
	}
	chosen, err := choose(taken)
	if err != nil {
		return spec.IDMaps{}, err
	}
	data, err := json.Marshal(chosen)
	if err != nil {
		return spec.IDMaps{}, err
	}
	return chosen, linux.ReplaceFile(filepath.Join(r.RunDir(id), idsFile), data)
}

func (r Root) takenIDs(own string) ([]spec.IDMaps, error) {
	entries, err := os.ReadDir(r.runsDir())
	if err != nil {
		return nil, err
	}
	var taken []spec.IDMaps
	for _, e := range entries {
		if e.Name() == own {
			continue
		}
		ids, err := r.ReadIDs(e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		taken = append(taken, ids)
	}
	return taken, nil
}

// ReadIDs are what ReserveIDs wrote; fs.ErrNotExist says that there is nothing, as of a container that
// does not run.
func (r Root) ReadIDs(id string) (ids spec.IDMaps, err error) {
	path := filepath.Join(r.RunDir(id), idsFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return ids, err
	}
	if err := json.Unmarshal(data, &ids); err != nil {
		return ids, fmt.Errorf("read %q: %w", path, err)
	}
	return ids, nil
}
