package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// KeepID maps the caller, 0 of the default map, to uid and gid, and all others below and above
// in their order, up to size ids (0: all).
func (m Map) KeepID(uid, gid, size uint32) (spec.IDMaps, error) {
	uids, err := keepID(m.UIDs, uid, size)
	if err != nil {
		return spec.IDMaps{}, fmt.Errorf("--userns keep-id: user %w", err)
	}
	gids, err := keepID(m.GIDs, gid, size)
	if err != nil {
		return spec.IDMaps{}, fmt.Errorf("--userns keep-id: group %w", err)
	}
	return m.split(spec.IDMaps{UIDs: uids, GIDs: gids}), nil
}

func keepID(extents []specs.LinuxIDMapping, id, limit uint32) ([]specs.LinuxIDMapping, error) {
	others, err := others(extents, limit)
	if err != nil {
		return nil, err
	}
	below := min(id, others)
	var out []specs.LinuxIDMapping
	if below > 0 {
		out = append(out, specs.LinuxIDMapping{ContainerID: 0, HostID: 1, Size: below})
	}
	out = append(out, specs.LinuxIDMapping{ContainerID: id, HostID: 0, Size: 1})
	if others > below {
		out = append(out, specs.LinuxIDMapping{ContainerID: id + 1, HostID: below + 1, Size: others - below})
	}
	return out, nil
}

// others is how many ids there are besides the caller's, of which limit at most are used.
func others(extents []specs.LinuxIDMapping, limit uint32) (uint32, error) {
	n := uint64(0)
	for _, e := range extents {
		n += uint64(e.Size)
	}
	n = min(n, maxID) // of the container: its last one is no id
	if limit > 0 && uint64(limit) > n {
		return 0, errs.Invalidf("ids: size=%d: there are %d", limit, n)
	}
	if limit > 0 {
		n = uint64(limit)
	}
	return uint32(max(n, 1) - 1), nil
}

// split cuts ranges where ranges of the default map end: the kernel wants each within one of the outer
// namespace's (EPERM, user_namespaces(7)).
func (m Map) split(ids spec.IDMaps) spec.IDMaps {
	return spec.IDMaps{UIDs: split(ids.UIDs, m.UIDs), GIDs: split(ids.GIDs, m.GIDs)}
}

func split(ids, outer []specs.LinuxIDMapping) []specs.LinuxIDMapping {
	var out []specs.LinuxIDMapping
	for _, e := range ids {
		for _, o := range outer {
			if part := overlap(e.HostID, e.Size, o.ContainerID, o.Size); part.count > 0 {
				out = append(out, specs.LinuxIDMapping{
					ContainerID: e.ContainerID + uint32(part.first), HostID: e.HostID + uint32(part.first), Size: uint32(part.count),
				})
			}
		}
	}
	return out
}

// NoMap leaves the caller out.
func (m Map) NoMap() (spec.IDMaps, error) {
	if m.Single() {
		return spec.IDMaps{}, errs.WithHint(errs.Unsupportedf("--userns nomap: without subordinate ids there is nobody but the caller"), m.mend())
	}
	uids, _ := others(m.UIDs, 0)
	gids, _ := others(m.GIDs, 0)
	return m.split(spec.IDMaps{
		UIDs: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: uids}},
		GIDs: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1, Size: gids}},
	}), nil
}

// mend is the command that gives the caller a range.
func (m Map) mend() string {
	s := system()
	name, local := s.userName(os.Getuid())
	return s.mend(name, local, true, true)
}

// Mapped lays out --uidmap and --gidmap. Where only one is given it is both.
func (m Map) Mapped(uidmaps, gidmaps []spec.IDMapping) (spec.IDMaps, error) {
	var uids, gids []spec.IDMapping
	for _, list := range []struct {
		maps []spec.IDMapping
		own  *[]spec.IDMapping
	}{{uidmaps, &uids}, {gidmaps, &gids}} {
		for _, e := range list.maps {
			if !e.UIDs && !e.GIDs {
				*list.own = append(*list.own, e)
			}
			if e.UIDs {
				uids = append(uids, e)
			}
			if e.GIDs {
				gids = append(gids, e)
			}
		}
	}
	if len(uids) == 0 {
		uids = plain(gids)
	}
	if len(gids) == 0 {
		gids = plain(uids)
	}
	u, err := layOut(uids, m.UIDs, "user")
	if err != nil {
		return spec.IDMaps{}, fmt.Errorf("--uidmap: %w", m.hinted(err))
	}
	g, err := layOut(gids, m.GIDs, "group")
	if err != nil {
		return spec.IDMaps{}, fmt.Errorf("--gidmap: %w", m.hinted(err))
	}
	return m.split(spec.IDMaps{UIDs: u, GIDs: g}), nil
}

func (m Map) hinted(err error) error {
	if m.Single() {
		return errs.WithHint(err, m.mend())
	}
	return err
}

// plain are the ranges that say nothing of users or groups.
func plain(maps []spec.IDMapping) []spec.IDMapping {
	return slices.DeleteFunc(slices.Clone(maps), func(e spec.IDMapping) bool { return e.UIDs || e.GIDs })
}

// layOut makes a map of ranges, and checks it as the kernel would: it would only say EINVAL or EPERM.
func layOut(maps []spec.IDMapping, outer []specs.LinuxIDMapping, kind string) ([]specs.LinuxIDMapping, error) {
	var out []specs.LinuxIDMapping
	extends := slices.ContainsFunc(maps, func(e spec.IDMapping) bool { return e.Extend })
	if extends || len(maps) == 0 {
		for _, e := range outer {
			out = append(out, specs.LinuxIDMapping{ContainerID: e.ContainerID, HostID: e.ContainerID, Size: e.Size})
		}
	}
	for _, e := range maps {
		from := e.From
		if e.Host {
			var ok bool
			if from, ok = inDefault(outer, e.From, e.Size); !ok {
				return nil, errs.Invalidf("%s ids %d to %d of the host: they are not all this user's own, or subordinate ones in one range",
					kind, e.From, e.From+e.Size-1)
			}
		}
		entry := specs.LinuxIDMapping{ContainerID: e.Container, HostID: from, Size: e.Size}
		if !coveredBy(outer, from, e.Size) {
			return nil, errs.Invalidf("%s ids %d to %d: this user has %s (0 is the user, then come the subordinate ones)",
				kind, from, from+e.Size-1, span(outer))
		}
		if extends {
			out = without(out, entry)
		}
		out = append(out, entry)
	}
	slices.SortFunc(out, func(a, b specs.LinuxIDMapping) int { return int(int64(a.ContainerID) - int64(b.ContainerID)) })
	return out, check(out, kind)
}

// inDefault is the number of a range of the host's ids in the default map.
func inDefault(outer []specs.LinuxIDMapping, host, size uint32) (uint32, bool) {
	for _, e := range outer {
		if host >= e.HostID && host-e.HostID < e.Size && size <= e.Size-(host-e.HostID) {
			return e.ContainerID + host - e.HostID, true
		}
	}
	return 0, false
}

// coveredBy tells whether the default map has all of a range.
func coveredBy(outer []specs.LinuxIDMapping, first, size uint32) bool {
	rest := []idRange{{uint64(first), uint64(size)}}
	for _, e := range outer {
		var next []idRange
		for _, r := range rest {
			next = append(next, subtract(r, []idRange{{uint64(e.ContainerID), uint64(e.Size)}})...)
		}
		rest = next
	}
	return len(rest) == 0
}

func span(outer []specs.LinuxIDMapping) string {
	if size(outer) == 1 {
		return "only 0"
	}
	last := outer[len(outer)-1]
	return fmt.Sprintf("0 to %d", uint64(last.ContainerID)+uint64(last.Size)-1)
}

// without cuts out of a map what another range would map a second time, on either side.
func without(maps []specs.LinuxIDMapping, by specs.LinuxIDMapping) []specs.LinuxIDMapping {
	var out []specs.LinuxIDMapping
	for _, e := range maps {
		for _, part := range subtract(idRange{0, uint64(e.Size)}, []idRange{overlap(e.ContainerID, e.Size, by.ContainerID, by.Size), overlap(e.HostID, e.Size, by.HostID, by.Size)}) {
			out = append(out, specs.LinuxIDMapping{
				ContainerID: e.ContainerID + uint32(part.first), HostID: e.HostID + uint32(part.first), Size: uint32(part.count),
			})
		}
	}
	return out
}

// overlap is what two ranges have in common, counted from the first one's start.
func overlap(first, count, by, size uint32) idRange {
	from := max(uint64(first), uint64(by))
	to := min(uint64(first)+uint64(count), uint64(by)+uint64(size))
	if from >= to {
		return idRange{}
	}
	return idRange{from - uint64(first), to - from}
}

// check refuses what the kernel does, sorted by ContainerID.
func check(maps []specs.LinuxIDMapping, kind string) error {
	if len(maps) > maxExtents {
		return errs.Invalidf("%d ranges: the kernel takes %d", len(maps), maxExtents)
	}
	for i, e := range maps {
		for _, other := range maps[:i] {
			if overlap(e.ContainerID, e.Size, other.ContainerID, other.Size).count > 0 {
				return errs.Invalidf("%s id %d of the container: it is mapped twice", kind, e.ContainerID)
			}
			if overlap(e.HostID, e.Size, other.HostID, other.Size).count > 0 {
				return errs.Invalidf("%s id %d: it is given to two ids of the container", kind, max(e.HostID, other.HostID))
			}
		}
	}
	return nil
}

// Fit is ids of a record, for a default map that may have changed since.
func (m Map) Fit(ids spec.IDMaps) (spec.IDMaps, error) {
	for _, list := range []struct {
		own, outer []specs.LinuxIDMapping
		kind       string
	}{{ids.UIDs, m.UIDs, "user"}, {ids.GIDs, m.GIDs, "group"}} {
		for _, e := range list.own {
			if !coveredBy(list.outer, e.HostID, e.Size) {
				return spec.IDMaps{}, errs.WithHint(fmt.Errorf("%s ids %d to %d: %w: this user had them when the container was made, and has %s now",
					list.kind, e.HostID, e.HostID+e.Size-1, errs.ErrState, span(list.outer)), "make it anew, or: "+m.mend())
			}
		}
	}
	return m.split(ids), nil
}

// Named maps the subordinate ids that files have under the given names ("": as the other).
func (m Map) Named(ctx context.Context, uidName, gidName string) (spec.IDMaps, error) {
	if uidName == "" {
		uidName = gidName
	}
	if gidName == "" {
		gidName = uidName
	}
	uids, err := system().named(ctx, uidName, subuids, m.UIDs)
	if err != nil {
		return spec.IDMaps{}, fmt.Errorf("--subuidname %q: %w", uidName, err)
	}
	gids, err := system().named(ctx, gidName, subgids, m.GIDs)
	if err != nil {
		return spec.IDMaps{}, fmt.Errorf("--subgidname %q: %w", gidName, err)
	}
	return m.split(spec.IDMaps{UIDs: uids, GIDs: gids}), nil
}

// named are the ranges of a name, from 0 on.
func (s source) named(ctx context.Context, name string, k kind, outer []specs.LinuxIDMapping) ([]specs.LinuxIDMapping, error) {
	ranges, err := s.ranges(ctx, name, -1, k)
	if err != nil {
		return nil, err
	}
	if len(ranges) == 0 {
		return nil, fmt.Errorf("%w in %q", errs.ErrNotFound, s.file(k))
	}
	var out []specs.LinuxIDMapping
	next := uint64(0)
	for _, r := range ranges {
		from, ok := inDefault(outer, uint32(r.first), uint32(r.count))
		if !ok {
			return nil, errs.Unsupportedf("ids %d to %d are not this user's own, and newuidmap gives an ordinary user no others", r.first, r.end()-1)
		}
		out = append(out, specs.LinuxIDMapping{ContainerID: uint32(next), HostID: from, Size: uint32(r.count)})
		next += r.count
	}
	return out, errors.Join(check(out, "user or group"))
}
