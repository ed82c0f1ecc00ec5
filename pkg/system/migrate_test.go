package system

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
)

// ids is CONTAINER HOST SIZE, with semicolons between extents.
func ids(text string) []specs.LinuxIDMapping {
	return parseMap(strings.ReplaceAll(text, ";", "\n"))
}

func TestMaps(t *testing.T) {
	for _, c := range []struct {
		name, old, next string
		translated      string
		moves           bool
		why             string // it cannot be done, "" for that it can
	}{
		{"the same", "0 1000 1;1 100000 65536", "0 1000 1;1 100000 65536", "0 1000 1;1 100000 65536", false, ""},
		{"grown", "0 1000 1;1 100000 65536", "0 1000 1;1 100000 65536;65537 300000 1000", "0 1000 1;1 100000 65536", false, ""},
		{"grown by a first range", "0 1000 1", "0 1000 1;1 100000 65536", "0 1000 1", false, ""},
		{"split", "0 1000 1;1 100000 65536", "0 1000 1;1 100000 1000;1001 101000 64536", "0 1000 1;1 100000 65536", false, ""},
		{"moved, the old behind it", "0 1000 1;1 100000 65536", "0 1000 1;1 300000 65536;65537 100000 65536", "0 1000 1;1 300000 65536", true, ""},
		{"moved, the old gone", "0 1000 1;1 100000 65536", "0 1000 1;1 300000 65536", "0 1000 1;1 300000 65536", true, "not in /etc/subuid any more"},
		{"shrunk", "0 1000 1;1 100000 65536", "0 1000 1;1 100000 1000", "0 1000 1;1 100000 1000", true, "fewer ids"},
		{"none", "0 1000 1;1 100000 65536", "0 1000 1", "0 1000 1", true, "fewer ids"},
		{"shifted", "0 1000 1;1 100000 65536", "0 1000 1;1 100001 65536;65537 100000 1", "0 1000 1;1 100001 65536", true, "under other numbers"},
	} {
		old, next := ids(c.old), ids(c.next)
		if diff := cmp.Diff(ids(c.translated), translate(old, next)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if moves(old, next) != c.moves {
			t.Errorf("%s: moves is %v", c.name, !c.moves)
		}
		if !c.moves {
			continue
		}
		err := feasible(idMap{old, old}, idMap{next, next})
		if c.why == "" && err != nil || c.why != "" && (!errors.Is(err, errs.ErrState) || !strings.Contains(err.Error(), c.why) || errs.Hint(err) == "") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNewID(t *testing.T) {
	old, next := ids("0 1000 1;1 100000 65536"), ids("0 1000 1;1 300000 65536;65537 100000 65536")
	for id, want := range map[uint32]uint32{0: 0, 1: 1, 65537: 1, 65537 + 69: 70, 65536 + 65536: 65536, 200000: 200000} {
		if got := newID(id, old, next); got != want {
			t.Errorf("%d becomes %d, want %d", id, got, want)
		}
	}
}
