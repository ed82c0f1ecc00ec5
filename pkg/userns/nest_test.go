package userns

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type idExtents = []specs.LinuxIDMapping

// twoRanges is the default map of a user with two ranges.
func twoRanges() Map {
	m := idExtents{extent(0, 1000, 1), extent(1, 100000, 1000), extent(1001, 300000, 1000)}
	return Map{UIDs: m, GIDs: m}
}

func single() Map {
	m := idExtents{extent(0, 1000, 1)}
	return Map{UIDs: m, GIDs: m, direct: true}
}

func TestKeepID(t *testing.T) {
	for _, c := range []struct {
		what     string
		m        Map
		id, size uint32
		want     idExtents
	}{
		{"in the middle", twoRanges(), 1001, 0, idExtents{extent(0, 1, 1000), extent(1000, 1001, 1), extent(1001, 0, 1), extent(1002, 1002, 999)}},
		{"root", twoRanges(), 0, 0, idExtents{extent(0, 0, 1), extent(1, 1, 1000), extent(1001, 1001, 1000)}},
		{"above all", twoRanges(), 5000, 0, idExtents{extent(0, 1, 1000), extent(1000, 1001, 1000), extent(5000, 0, 1)}},
		{"some", twoRanges(), 10, 100, idExtents{extent(0, 1, 10), extent(10, 0, 1), extent(11, 11, 89)}},
		{"no range", single(), 1000, 0, idExtents{extent(1000, 0, 1)}},
	} {
		got, err := c.m.KeepID(c.id, c.id, c.size)
		if diff := cmp.Diff(c.want, got.UIDs); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.what, err, diff)
		}
	}
	if _, err := twoRanges().KeepID(5, 5, 2002); err == nil || !strings.Contains(err.Error(), "size=2002: there are 2001") {
		t.Error(err)
	}
}

func TestNoMap(t *testing.T) {
	got, err := twoRanges().NoMap()
	if diff := cmp.Diff(idExtents{extent(0, 1, 1000), extent(1000, 1001, 1000)}, got.GIDs); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := single().NoMap(); err == nil || !strings.Contains(errs.Hint(err), "usermod") && !strings.Contains(errs.Hint(err), "/etc/subuid") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

// mappings parses maps as flags have them.
func mappings(t *testing.T, texts ...string) []spec.IDMapping {
	t.Helper()
	var out []spec.IDMapping
	for _, text := range texts {
		m, err := parse.IDMapping(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func TestMapped(t *testing.T) {
	for _, c := range []struct {
		what       string
		uids, gids []string
		want       spec.IDMaps
	}{
		{"one is both", []string{"0:1:1000", "1000:0"}, nil, spec.IDMaps{
			UIDs: idExtents{extent(0, 1, 1000), extent(1000, 0, 1)}, GIDs: idExtents{extent(0, 1, 1000), extent(1000, 0, 1)},
		}},
		{"the other one, too", nil, []string{"0:0:10"}, spec.IDMaps{
			UIDs: idExtents{extent(0, 0, 1), extent(1, 1, 9)}, GIDs: idExtents{extent(0, 0, 1), extent(1, 1, 9)},
		}},
		{"each its own", []string{"0:0"}, []string{"5:5:5"}, spec.IDMaps{UIDs: idExtents{extent(0, 0, 1)}, GIDs: idExtents{extent(5, 5, 5)}}},
		{"of the host", []string{"0:@100005:5", "7:@1000"}, nil, spec.IDMaps{
			UIDs: idExtents{extent(0, 6, 5), extent(7, 0, 1)}, GIDs: idExtents{extent(0, 6, 5), extent(7, 0, 1)},
		}},
		{"over all others", []string{"+u7:20"}, []string{"0:0"}, spec.IDMaps{
			UIDs: idExtents{extent(0, 0, 1), extent(1, 1, 6), extent(7, 20, 1), extent(8, 8, 12), extent(21, 21, 980), extent(1001, 1001, 1000)},
			GIDs: idExtents{extent(0, 0, 1)},
		}},
		{"groups in --uidmap", []string{"u0:0", "g1:1:2"}, nil, spec.IDMaps{UIDs: idExtents{extent(0, 0, 1)}, GIDs: idExtents{extent(1, 1, 2)}}},
	} {
		got, err := twoRanges().Mapped(mappings(t, c.uids...), mappings(t, c.gids...))
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", c.what, err, diff)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"0:0:2002", "user ids 0 to 2001: this user has 0 to 2000"},
		{"0:@5:1", "user ids 5 to 5 of the host: they are not all"},
		{"0:@100999:2", "in one range"},
	} {
		if _, err := twoRanges().Mapped(mappings(t, c.text), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	for _, texts := range [][]string{{"0:0:5", "4:10"}, {"0:0:5", "10:3"}} {
		if _, err := twoRanges().Mapped(mappings(t, texts...), nil); err == nil {
			t.Errorf("%v: no error", texts)
		}
	}
}

func TestAuto(t *testing.T) {
	m := twoRanges()
	var taken []spec.IDMaps
	for i, want := range []uint32{1, 1001} {
		got, err := m.Auto(spec.Userns{Size: 1000}, taken)
		if diff := cmp.Diff(idExtents{extent(0, want, 1000)}, got.UIDs); diff != "" || err != nil {
			t.Fatalf("%d: %v %s", i, err, diff)
		}
		taken = append(taken, got)
	}
	_, err := m.Auto(spec.Userns{Size: 1000}, taken)
	if err == nil || !strings.Contains(err.Error(), "of the 2000 subordinate ones 0 are free in one piece, while 2 other containers") || errs.Hint(err) == "" {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	got, err := m.Auto(spec.Userns{Size: 10, UIDMaps: mappings(t, "5:0")}, nil)
	if diff := cmp.Diff(idExtents{extent(0, 1, 5), extent(6, 7, 4), extent(5, 0, 1)}, got.UIDs); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := single().Auto(spec.Userns{Size: 1}, nil); err == nil || errs.Hint(err) == "" {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

func TestNamed(t *testing.T) {
	s := fake(t, map[string]string{"subuid": "alice:100010:5\nalice:300000:10\nbob:500000:10\n", "passwd": passwd})
	got, err := s.named(context.Background(), "alice", subuids, twoRanges().UIDs)
	if diff := cmp.Diff(idExtents{extent(0, 11, 5), extent(5, 1001, 10)}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := s.named(context.Background(), "bob", subuids, twoRanges().UIDs); err == nil || !strings.Contains(err.Error(), "newuidmap") {
		t.Error(err)
	}
	if _, err := s.named(context.Background(), "carol", subuids, twoRanges().UIDs); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Error(err)
	}
}

// FuzzMapped lays out what flags say, and checks what the kernel would.
func FuzzMapped(f *testing.F) {
	f.Add("0:1:1000", "1000:0", "auto")
	f.Add("+7:20:5", "+g3:@100000:7", "")
	f.Fuzz(func(t *testing.T, a, b, _ string) {
		var maps []spec.IDMapping
		for _, text := range []string{a, b} {
			if m, err := parse.IDMapping(text); err == nil {
				maps = append(maps, m)
			}
		}
		got, err := twoRanges().Mapped(maps, nil)
		if err != nil {
			return
		}
		for _, list := range []idExtents{got.UIDs, got.GIDs} {
			if err := check(list, "user"); err != nil {
				t.Errorf("%q %q: %v: %v", a, b, list, err)
			}
			for _, e := range list {
				if e.Size == 0 || !coveredBy(twoRanges().UIDs, e.HostID, e.Size) {
					t.Errorf("%q %q: %v", a, b, e)
				}
			}
		}
	})
}

func TestFit(t *testing.T) {
	old := spec.IDMaps{UIDs: idExtents{extent(0, 0, 100)}, GIDs: idExtents{extent(0, 1, 1001)}}
	got, err := twoRanges().Fit(old)
	want := spec.IDMaps{UIDs: idExtents{extent(0, 0, 1), extent(1, 1, 99)}, GIDs: idExtents{extent(0, 1, 1000), extent(1000, 1001, 1)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := single().Fit(old); err == nil || !strings.Contains(err.Error(), "user ids 0 to 99") || !strings.Contains(errs.Hint(err), "make it anew") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}
