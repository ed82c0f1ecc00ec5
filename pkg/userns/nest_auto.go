package userns

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Auto chooses u.Size ids, of which none is the caller's or in taken, and lays u.UIDMaps and
// u.GIDMaps over them.
func (m Map) Auto(u spec.Userns, taken []spec.IDMaps) (spec.IDMaps, error) {
	var busy []idRange
	for _, n := range taken {
		for _, e := range slices.Concat(n.UIDs, n.GIDs) {
			busy = append(busy, idRange{uint64(e.HostID), uint64(e.Size)})
		}
	}
	first, free, ok := m.gap(uint64(u.Size), busy)
	if !ok {
		err := errs.Unsupportedf("--userns auto: %d ids in one piece: of the %d subordinate ones %d are free in one piece, while %d other containers with auto run",
			u.Size, max(size(m.UIDs), 1)-1, free, len(taken))
		if m.Single() || free == 0 && len(taken) == 0 {
			return spec.IDMaps{}, errs.WithHint(err, m.mend())
		}
		return spec.IDMaps{}, errs.WithHint(err, "--userns auto:size=N with fewer, or "+m.mend())
	}
	var out spec.IDMaps
	for _, list := range []struct {
		own    *[]specs.LinuxIDMapping
		outer  []specs.LinuxIDMapping
		forced []spec.IDMapping
		kind   string
	}{{&out.UIDs, m.UIDs, u.UIDMaps, "user"}, {&out.GIDs, m.GIDs, u.GIDMaps, "group"}} {
		*list.own = []specs.LinuxIDMapping{{ContainerID: 0, HostID: first, Size: u.Size}}
		if len(list.forced) == 0 {
			continue
		}
		forced, err := layOut(list.forced, list.outer, list.kind)
		if err != nil {
			return spec.IDMaps{}, err
		}
		for _, e := range forced {
			*list.own = append(without(*list.own, e), e)
		}
		if err := check(*list.own, list.kind); err != nil {
			return spec.IDMaps{}, err
		}
	}
	return m.split(out), nil
}

// gap is the first place for n ids, both of users and of groups, and the size of the largest one.
func (m Map) gap(n uint64, busy []idRange) (first uint32, largest uint64, ok bool) {
	busy = append(busy, idRange{0, 1}) // the caller
	for _, u := range joined(m.UIDs) {
		for _, g := range joined(m.GIDs) {
			from, to := max(u.first, g.first), min(u.end(), g.end())
			if from >= to {
				continue
			}
			for _, part := range subtract(idRange{from, to - from}, busy) {
				largest = max(largest, part.count)
				if part.count >= n {
					return uint32(part.first), part.count, true
				}
			}
		}
	}
	return 0, largest, false
}

// joined are the ids of the default map, ranges that follow each other put together.
func joined(outer []specs.LinuxIDMapping) []idRange {
	var out []idRange
	for _, e := range outer {
		r := idRange{uint64(e.ContainerID), uint64(e.Size)}
		if last := len(out) - 1; last >= 0 && out[last].end() == r.first {
			out[last].count += r.count
			continue
		}
		out = append(out, r)
	}
	return out
}
