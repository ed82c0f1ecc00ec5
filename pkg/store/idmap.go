package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// idMap is the map of the namespace that this process is in.
type idMap struct {
	UIDs []specs.LinuxIDMapping `json:"uids"`
	GIDs []specs.LinuxIDMapping `json:"gids"`
}

func (m idMap) single() bool {
	return len(m.UIDs) == 1 && m.UIDs[0].Size == 1 || len(m.GIDs) == 1 && m.GIDs[0].Size == 1
}

// ownMap reads our map, and refuses the initial namespace and users other than its root:
// the library would take files for its own that the default map cannot read.
func ownMap() (idMap, error) {
	var m idMap
	var err error
	if m.UIDs, err = readMap("/proc/self/uid_map"); err != nil {
		return m, err
	}
	if m.GIDs, err = readMap("/proc/self/gid_map"); err != nil {
		return m, err
	}
	if os.Geteuid() != 0 || len(m.UIDs) == 1 && m.UIDs[0].Size >= 1<<32-1 {
		return m, fmt.Errorf("open the image store: %w: not in the default map", errs.ErrState)
	}
	return m, nil
}

func readMap(path string) ([]specs.LinuxIDMapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []specs.LinuxIDMapping
	for line := range strings.Lines(string(data)) {
		var e specs.LinuxIDMapping
		if _, err := fmt.Sscan(line, &e.ContainerID, &e.HostID, &e.Size); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// record keeps the map beside the store. A range that only grows is fine; one that moved
// or shrank leaves files that nobody can read or delete, which is told here and not
// later by an EACCES in the middle of something.
func (m idMap) record(path string) error {
	data, err := os.ReadFile(path)
	if err == nil {
		var old idMap
		if json.Unmarshal(data, &old) == nil {
			if err := m.covers(old); err != nil {
				return errs.WithCheck(fmt.Errorf("open the image store: %w", err),
					"put the old range back into /etc/subuid and /etc/subgid (rc system migrate moves files to a new one), or delete the store with all images and containers: "+
						"sudo rm -rf "+shellQuote(strings.TrimSuffix(path, "/storage/idmap.json")), "store")
			}
			if slices.Equal(old.UIDs, m.UIDs) && slices.Equal(old.GIDs, m.GIDs) {
				return nil
			}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if data, err = json.Marshal(m); err != nil {
		return err
	}
	return linux.ReplaceFile(path, data)
}

// covers says whether all ids of an older map are still there, under the same numbers.
func (m idMap) covers(old idMap) error {
	for _, k := range []struct {
		file     string
		old, now []specs.LinuxIDMapping
	}{{"/etc/subuid", old.UIDs, m.UIDs}, {"/etc/subgid", old.GIDs, m.GIDs}} {
		for _, e := range k.old {
			if !covered(e, k.now) {
				return fmt.Errorf("%w: it was made with ids %d-%d of %s as %d-%d, and they are not there any more",
					errs.ErrState, e.HostID, e.HostID+e.Size-1, k.file, e.ContainerID, e.ContainerID+e.Size-1)
			}
		}
	}
	return nil
}

func covered(e specs.LinuxIDMapping, now []specs.LinuxIDMapping) bool {
	for e.Size > 0 {
		i := slices.IndexFunc(now, func(n specs.LinuxIDMapping) bool {
			return e.ContainerID >= n.ContainerID && e.ContainerID-n.ContainerID < n.Size && n.HostID+(e.ContainerID-n.ContainerID) == e.HostID
		})
		if i < 0 {
			return false
		}
		n := min(e.Size, now[i].Size-(e.ContainerID-now[i].ContainerID))
		e = specs.LinuxIDMapping{ContainerID: e.ContainerID + n, HostID: e.HostID + n, Size: e.Size - n}
	}
	return true
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
