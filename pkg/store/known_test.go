package store

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/config"
)

func TestKnown(t *testing.T) {
	s := &Store{cfg: &config.Config{DataRoot: t.TempDir()}}
	if err := os.MkdirAll(s.cfg.StorageRoot(), 0o700); err != nil {
		t.Fatal(err)
	}
	layer, a, b := digest.FromString("layer"), digest.FromString("a"), digest.FromString("b")
	learn := func(k KnownBlob) {
		t.Helper()
		if err := s.Learn(t.Context(), layer, k); err != nil {
			t.Fatal(err)
		}
	}
	learn(KnownBlob{Digest: a, Size: 1, Head: []byte("head"), At: []string{"r/one"}})
	learn(KnownBlob{Digest: b, Size: 2, Recipe: "zstd"})
	learn(KnownBlob{Digest: a, Size: 1, Recipe: "go", At: []string{"r/two"}})
	want := Known{Blobs: []KnownBlob{
		{Digest: a, Size: 1, Recipe: "go", Head: []byte("head"), At: []string{"r/two", "r/one"}},
		{Digest: b, Size: 2, Recipe: "zstd"},
	}}
	if d := cmp.Diff(want, s.Known(layer)); d != "" {
		t.Error(d)
	}
	for i := range 20 {
		learn(KnownBlob{Digest: a, Size: 1, At: []string{fmt.Sprint("r/", i)}})
		learn(KnownBlob{Digest: digest.FromString(fmt.Sprint(i)), Size: 3})
	}
	k := s.Known(layer)
	if len(k.Blobs) != maxForms || len(k.Blobs[1].At) != maxPlaces || k.Blobs[1].At[0] != "r/19" {
		t.Errorf("%+v", k)
	}
	// Damage is forgotten, not told.
	if err := os.WriteFile(s.knownPath(layer), []byte(`{"blobs":[`), 0o600); err != nil {
		t.Fatal(err)
	}
	if k := s.Known(layer); len(k.Blobs) != 0 {
		t.Errorf("%+v", k)
	}
	learn(KnownBlob{Digest: b, Size: 2})
	if k := s.Known(layer); len(k.Blobs) != 1 {
		t.Errorf("%+v", k)
	}
	for _, bad := range []digest.Digest{"", "sha256:x", digest.Digest("../../" + strings.Repeat("a", 64))} {
		if err := s.Learn(t.Context(), bad, KnownBlob{Digest: a}); err == nil {
			t.Errorf("%q is taken for a layer", bad)
		}
		if k := s.Known(bad); len(k.Blobs) != 0 {
			t.Errorf("%q: %+v", bad, k)
		}
	}
}
