package store

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rc-containers/rc/pkg/config"
)

// boot opens the store as it is after the machine was started anew.
func boot(t testing.TB, cfg *config.Config, id string) *Store {
	t.Helper()
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.boot = id
	return s
}

// TestPowerCut: what an image has is whole; what was on its way is not trusted, and made anew in its place.
func TestPowerCut(t *testing.T) {
	s, cfg := open(t)
	synced := add(t, s, "", layerTar(t, 0, "synced"))
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := image(t, s, [][]byte{layerTar(t, 0, "base"), layerTar(t, 0, "top")}, "localhost/whole")
	whole, err := s.Stored(id)
	if err != nil {
		t.Fatal(err)
	}
	lost, other := add(t, s, "", layerTar(t, 0, "lost")), add(t, s, "", layerTar(t, 0, "other"))
	if !s.HasLayer(lost) {
		t.Error("doubted in its own boot")
	}
	file := filepath.Join(cfg.StorageRoot(), "overlay", lost, "diff", "lost")
	if err := os.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.StorageRoot(), "overlay-layers", lost+".tar-split.gz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	after := boot(t, cfg, "another")
	if after.HasLayer(lost) {
		t.Error("a layer that may be damaged is used")
	}
	for _, l := range append(whole.Layers, StoredLayer{ID: synced}) {
		if !after.HasLayer(l.ID) {
			t.Errorf("layer %.12s is doubted", l.ID)
		}
	}
	if again := add(t, after, "", layerTar(t, 0, "lost")); again != lost || !after.HasLayer(lost) {
		t.Errorf("%s is not there again", again)
	}
	if data, err := os.ReadFile(file); string(data) != "lost" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	r, err := after.LayerTar(lost)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var tar bytes.Buffer
	if _, err := tar.ReadFrom(r); err != nil || !bytes.Equal(tar.Bytes(), layerTar(t, 0, "lost")) {
		t.Errorf("the headers were not made anew: %v", err)
	}
	// Others know it, and whatever is synced in this boot, the doubt of the others stays.
	image(t, after, [][]byte{layerTar(t, 0, "new")}, "localhost/new")
	third := boot(t, cfg, "another")
	if !third.HasLayer(lost) || third.HasLayer(other) {
		t.Error(third.HasLayer(lost), third.HasLayer(other))
	}
	if _, err := third.lib.DeleteImage(id, true); err != nil {
		t.Fatal(err)
	}
	if err := third.Sweep(false); err != nil { // not while the other two are open
		t.Fatal(err)
	}
	s.Close()
	after.Close()
	if err := third.Sweep(false); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(third.unsyncedDir()); len(left) > 0 || err != nil {
		t.Errorf("marks of no layer: %v, %v", left, err)
	}
}

// TestPowerCutOthers: an image of layers that a killed process has committed syncs them.
func TestPowerCutOthers(t *testing.T) {
	s, cfg := open(t)
	top := add(t, s, "", layerTar(t, 0, "x"))
	other := boot(t, cfg, s.boot)
	if _, err := other.AddImage(t.Context(), NewImage{Config: []byte("{}"), Manifest: []byte("{}"), TopLayer: top}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(s.unsyncedDir()); len(left) > 0 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
	if err := s.mark(top); err != nil {
		t.Fatal(err)
	}
	if !boot(t, cfg, "another").HasLayer(top) {
		t.Error("a layer of an image is doubted")
	}
}

// TestUnmark: a layer that was committed anew while its predecessor was synced is not taken for synced.
func TestUnmark(t *testing.T) {
	s, _ := open(t)
	id := add(t, s, "", layerTar(t, 0, "x"))
	marks, err := s.marks(t.Context())
	if err != nil || len(marks) != 1 {
		t.Fatal(marks, err)
	}
	if err := s.mark(id); err != nil {
		t.Fatal(err)
	}
	if err := s.unmark(t.Context(), marks); err != nil {
		t.Fatal(err)
	}
	if marks, err = s.marks(t.Context()); err != nil || len(marks) != 1 {
		t.Error(marks, err)
	}
}
