package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// maxExtents is how many lines uid_map takes (user_namespaces(7), Linux 4.15).
const maxExtents = 340

// Map says which ids a user namespace has, and which ids of ours they are.
type Map struct {
	UIDs, GIDs []specs.LinuxIDMapping

	// direct says that this process may write the map by itself: it has one id only, or
	// we are privileged in the namespace that we run in.
	direct bool
}

// Single says that the namespace has one id only: the user has no subordinate range.
func (m Map) Single() bool { return size(m.UIDs) <= 1 }

// Contains says whether id exists in the namespace both as a user and as a group.
func (m Map) Contains(id uint32) bool {
	_, u := hostID(m.UIDs, id)
	_, g := hostID(m.GIDs, id)
	return u && g
}

// HostUID is the user id outside for id inside; false where the map has none.
func (m Map) HostUID(id uint32) (uint32, bool) { return hostID(m.UIDs, id) }

// HostGID is the group id outside for id inside; false where the map has none.
func (m Map) HostGID(id uint32) (uint32, bool) { return hostID(m.GIDs, id) }

// ContainerUID is the user id inside for id outside; false where the map has none.
func (m Map) ContainerUID(id uint32) (uint32, bool) { return containerID(m.UIDs, id) }

// ContainerGID is the group id inside for id outside; false where the map has none.
func (m Map) ContainerGID(id uint32) (uint32, bool) { return containerID(m.GIDs, id) }

// Size is how many user ids the namespace has.
func (m Map) Size() int { return size(m.UIDs) }

// Notice is what to tell a user once whose map is Single.
func (m Map) Notice() string {
	s := system()
	name, local := s.userName(os.Getuid())
	return fmt.Sprintf("%s has no subordinate ids in %s: containers have one user only, files of other users cannot be made. To mend it: %s",
		name, s.subuid, s.mend(name, local, true, true))
}

func hostID(extents []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	for _, e := range extents {
		if id >= e.ContainerID && id-e.ContainerID < e.Size {
			return e.HostID + id - e.ContainerID, true
		}
	}
	return 0, false
}

func containerID(extents []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	for _, e := range extents {
		if id >= e.HostID && id-e.HostID < e.Size {
			return e.ContainerID + id - e.HostID, true
		}
	}
	return 0, false
}

func size(extents []specs.LinuxIDMapping) int {
	n := 0
	for _, e := range extents {
		n += int(e.Size)
	}
	return n
}

// MapOf is the map of the user namespace of a process, in numbers of the caller's: which must be another
// one, that it lies in.
func MapOf(pid int) (Map, error) {
	var m Map
	var err error
	dir := fmt.Sprintf("/proc/%d/", pid)
	if m.UIDs, err = readMap(dir + "uid_map"); err == nil {
		m.GIDs, err = readMap(dir + "gid_map")
	}
	if err != nil {
		return Map{}, fmt.Errorf("id maps of process %d: %w", pid, err)
	}
	return m, nil
}

// DefaultMap is the map of the calling user: 0 is the user, 1… the subordinate ranges. A
// user without any gets a map that is Single. Real root needs a range like anybody else;
// root of a user namespace (a container, rc unshare) gets all the ids that it has, each
// as itself. Errors name the file, the line and the command that mends it.
func DefaultMap(ctx context.Context) (Map, error) {
	return system().defaultMap(ctx, os.Geteuid(), os.Getegid())
}

func (s source) defaultMap(ctx context.Context, uid, gid int) (Map, error) {
	if uid == 0 {
		if m, ok := s.nested(); ok {
			return m, nil
		}
	}
	name, local := s.userName(uid)
	uids, err := s.ranges(ctx, name, uid, subuids)
	if err != nil {
		return Map{}, s.hint(err, name, local, true, false)
	}
	gids, err := s.ranges(ctx, name, uid, subgids)
	if err != nil {
		return Map{}, s.hint(err, name, local, false, true)
	}
	m := Map{UIDs: extents(uid, uids), GIDs: extents(gid, gids)}
	switch {
	case len(m.UIDs) == 1 && len(m.GIDs) == 1:
		if uid == 0 {
			err := fmt.Errorf("subordinate ids of root in %q and %q: %w", s.subuid, s.subgid, errs.ErrNotFound)
			return Map{}, errs.WithCheck(err, s.mend(name, local, true, true)+" (or call rc as an ordinary user)", "subuid")
		}
		m.direct = true
	case len(m.UIDs) == 1:
		err := fmt.Errorf("subordinate user ids of %q in %q (there are group ids in %q): %w", name, s.subuid, s.subgid, errs.ErrNotFound)
		return Map{}, s.hint(err, name, local, true, false)
	case len(m.GIDs) == 1:
		err := fmt.Errorf("subordinate group ids of %q in %q (there are user ids in %q): %w", name, s.subgid, s.subuid, errs.ErrNotFound)
		return Map{}, s.hint(err, name, local, false, true)
	}
	return m, nil
}

func (s source) hint(err error, name string, local, uids, gids bool) error {
	if errs.Hint(err) != "" {
		return err
	}
	return errs.WithCheck(err, s.mend(name, local, uids, gids), "subuid")
}

// extents lays out id as 0 and the ranges behind it. What a range repeats (the id itself,
// or a part of an earlier range) is left out: the kernel refuses such maps with EINVAL.
func extents(id int, ranges []idRange) []specs.LinuxIDMapping {
	out := []specs.LinuxIDMapping{{ContainerID: 0, HostID: uint32(id), Size: 1}}
	taken := []idRange{{uint64(id), 1}}
	next := uint64(1)
	for _, r := range ranges {
		for _, part := range subtract(r, taken) {
			if len(out) == maxExtents {
				return out
			}
			// Ids inside end at 2^32-2 as well; -1 is "no id".
			if next+part.count > maxID+1 {
				return out
			}
			out = append(out, specs.LinuxIDMapping{ContainerID: uint32(next), HostID: uint32(part.first), Size: uint32(part.count)})
			next += part.count
		}
		taken = append(taken, r)
	}
	return out
}

// Inside says whether this process is root of a user namespace that is not the initial one.
func Inside() bool {
	_, nested := system().nested()
	return os.Geteuid() == 0 && nested
}

// Caller is the user outside where this process is root of the default map itself, as in rc unshare or podman
// unshare: both say so in the environment, and the first line of the map bears it out.
func Caller() (uid int, ok bool) { return system().caller(os.Geteuid(), os.Getenv) }

func (s source) caller(euid int, getenv func(string) string) (int, bool) {
	uid, err := strconv.ParseUint(getenv("_CONTAINERS_ROOTLESS_UID"), 10, 32)
	if err != nil || uid == 0 || euid != 0 || getenv("_CONTAINERS_USERNS_CONFIGURED") != "done" {
		return 0, false
	}
	uids, err := readMap(s.proc + "/self/uid_map")
	if err != nil || len(uids) == 0 || uids[0] != (specs.LinuxIDMapping{ContainerID: 0, HostID: uint32(uid), Size: 1}) {
		return 0, false
	}
	return int(uid), true
}

// nested is the map of root in a user namespace that is not the initial one: every id
// that exists here is mapped to itself, which is ours to write.
func (s source) nested() (Map, bool) {
	uids, err := readMap(s.proc + "/self/uid_map")
	if err != nil {
		return Map{}, false
	}
	gids, err := readMap(s.proc + "/self/gid_map")
	if err != nil {
		return Map{}, false
	}
	// The initial namespace: 0 0 4294967295. A container with the same map is as good as it.
	if len(uids) == 1 && uids[0].Size >= maxID {
		return Map{}, false
	}
	return Map{UIDs: identity(uids), GIDs: identity(gids), direct: true}, true
}

// identity keeps the extents apart: each must lie within one of the parent's (EPERM).
func identity(extents []specs.LinuxIDMapping) []specs.LinuxIDMapping {
	out := make([]specs.LinuxIDMapping, 0, len(extents))
	for _, e := range extents {
		out = append(out, specs.LinuxIDMapping{ContainerID: e.ContainerID, HostID: e.ContainerID, Size: e.Size})
	}
	return out
}

// readMap reads /proc/PID/uid_map: lines of id inside, id outside, count.
func readMap(path string) ([]specs.LinuxIDMapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseMap(string(data))
}

var errMap = errors.New("not an id map")
