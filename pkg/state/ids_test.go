package state

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/spec"
)

// TestReserveIDs: whoever chooses sees what all before have chosen, however many choose at once.
func TestReserveIDs(t *testing.T) {
	r := Root{Data: t.TempDir(), Run: t.TempDir()}
	next := func(taken []spec.IDMaps) (spec.IDMaps, error) {
		ids := []specs.LinuxIDMapping{{HostID: uint32(len(taken)), Size: 1}}
		return spec.IDMaps{UIDs: ids, GIDs: ids}, nil
	}
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, name := range append(names, "not yet") {
		if err := os.MkdirAll(r.RunDir(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			if _, err := r.ReserveIDs(name, next); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen := map[uint32]bool{}
	for _, name := range names {
		ids, err := r.ReadIDs(name)
		if err != nil {
			t.Fatal(err)
		}
		seen[ids.UIDs[0].HostID] = true
	}
	if len(seen) != len(names) {
		t.Errorf("%d of %d have ids of their own", len(seen), len(names))
	}
	// One that starts again takes its own anew.
	if ids, err := r.ReserveIDs("a", next); err != nil || ids.UIDs[0].HostID != uint32(len(names)-1) {
		t.Error(ids, err)
	}
	if _, err := r.ReadIDs("not yet"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	full := errors.New("full")
	if _, err := r.ReserveIDs("not yet", func([]spec.IDMaps) (spec.IDMaps, error) { return spec.IDMaps{}, full }); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := os.WriteFile(r.RunDir("a")+"/idmap.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReserveIDs("b", next); err == nil {
		t.Error("what is damaged is not noticed")
	}
}
