package store

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

func open(t testing.TB) (*Store, *config.Config) {
	t.Helper()
	dir := t.TempDir()
	cfg := &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, cfg
}

func layerTar(t testing.TB, padding int, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		body := name
		if strings.HasPrefix(name, ".wh.") {
			body = ""
		}
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body)), Uid: 7, Uname: "someone", Format: tar.FormatGNU}
		if err := errors.Join(w.WriteHeader(h), second(io.WriteString(w, body))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), make([]byte, padding)...)
}

func second[T any](_ T, err error) error { return err }

// add stages and commits a layer, and gives its id.
func add(t testing.TB, s *Store, parent string, data []byte) string {
	t.Helper()
	st, err := s.Stage(context.Background(), bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if st.DiffID != digest.FromBytes(data) || st.Size != int64(len(data)) {
		t.Errorf("staged %s, %d bytes", st.DiffID, st.Size)
	}
	id := digest.FromString(parent + st.DiffID.String()).Encoded()
	if err := s.Commit(context.Background(), st, id, parent, ""); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestSameBytes: what comes out of the store again is what went in, to the last byte of
// padding; a push depends on it.
func TestSameBytes(t *testing.T) {
	s, _ := open(t)
	data := layerTar(t, 512*7, "etc/a", strings.Repeat("long/", 40)+"name", ".wh.gone")
	id := add(t, s, "", data)
	r, err := s.LayerTar(id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes came out, %d went in, %v", len(got), len(data), err)
	}
}

// TestLayerTarDamaged: another content is noticed, a link leads nowhere out of the layer, and who closes early
// leaves nothing behind.
func TestLayerTarDamaged(t *testing.T) {
	s, cfg := open(t)
	id := add(t, s, "", layerTar(t, 0, "a", "b"))
	read := func() error {
		t.Helper()
		r, err := s.LayerTar(id)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return second(io.Copy(io.Discard, r))
	}
	if err := read(); err != nil {
		t.Error(err)
	}
	outside := filepath.Join(t.TempDir(), "b")
	path := filepath.Join(cfg.StorageRoot(), "overlay", id, "diff", "b")
	if err := errors.Join(os.WriteFile(outside, []byte("b"), 0o600), os.Remove(path), os.Symlink(outside, path)); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("through a link: %v", err)
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := read(); err == nil {
		t.Error("another content is taken for the file's")
	}
	r, err := s.LayerTar(id)
	if err == nil {
		_, err = r.Read(make([]byte, 1))
	}
	if err != nil {
		t.Error(err)
	}
	r.Close()
	if _, err := s.LayerTar(strings.Repeat("0", 64)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such layer: %v", err)
	}
}

func image(t testing.TB, s *Store, layers [][]byte, names ...string) string {
	t.Helper()
	config := ImageConfig{Image: v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}}}
	top := ""
	for _, l := range layers {
		top = add(t, s, top, l)
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(l))
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.AddImage(context.Background(), NewImage{Config: raw, Manifest: []byte(`{"schemaVersion":2}`), TopLayer: top, Names: names})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestSweep: layers and images that a killed process has left go with the next removal, but not
// while somebody may be about to use them.
func TestSweep(t *testing.T) {
	s, cfg := open(t)
	kept := image(t, s, [][]byte{layerTar(t, 0, "base")}, "localhost/kept:1")
	base, err := s.lib.Image(kept)
	if err != nil {
		t.Fatal(err)
	}
	orphan := add(t, s, base.TopLayer, layerTar(t, 0, "orphan"))
	child := add(t, s, orphan, layerTar(t, 0, "child"))
	half, err := s.lib.CreateImage(digest.FromString("half").Encoded(), nil, orphan, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(true); err != nil || !s.HasLayer(child) {
		t.Errorf("swept while another process has the store open: %v", err)
	}
	other.Close()
	if err := s.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	ix, err := index.Read(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := ix.All(); err != nil || len(all) != 1 || all[0].ID != kept {
		t.Errorf("half an image is seen: %v, %v", all, err)
	}
	if err := s.Sweep(true); err != nil {
		t.Fatal(err)
	}
	if s.HasLayer(child) || s.HasLayer(orphan) || s.lib.Exists(half.ID) || !s.HasLayer(base.TopLayer) {
		t.Error("not everything was swept, or too much")
	}
}

// TestHalfWritten: the file of a manifest that a killed process has written, and not listed, does not count as one.
func TestHalfWritten(t *testing.T) {
	s, cfg := open(t)
	data := layerTar(t, 0, "base")
	top := add(t, s, "", data)
	config, err := json.Marshal(ImageConfig{Image: v1.Image{
		Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, RootFS: v1.RootFS{DiffIDs: []digest.Digest{digest.FromBytes(data)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	id := digest.FromBytes(config).Encoded()
	if _, err := s.lib.CreateImage(id, nil, top, "", nil); err != nil {
		t.Fatal(err)
	}
	manifest := []byte(`{"schemaVersion":2}`)
	dir := filepath.Join(cfg.StorageRoot(), "overlay-images", id)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, keyManifest), manifest, 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err = s.AddImage(context.Background(), NewImage{Config: config, Manifest: manifest, TopLayer: top, Names: []string{"localhost/half:1"}})
	img, lookErr := s.lib.Image(id)
	if err != nil || lookErr != nil || !finished(img) {
		t.Errorf("%+v, %v, %v", img, err, lookErr)
	}
}

// TestWithoutLayers: an image on record without its layers is in no list, and is mended by whoever adds it again.
func TestWithoutLayers(t *testing.T) {
	s, cfg := open(t)
	id := image(t, s, [][]byte{layerTar(t, 0, "base")}, "localhost/app:1")
	img, err := s.lib.Image(id)
	if err != nil {
		t.Fatal(err)
	}
	whole := NewImage{TopLayer: img.TopLayer, Names: []string{"localhost/app:2"}, Manifest: []byte(`{"schemaVersion":2}`)}
	if whole.Config, err = s.lib.ImageBigData(id, keyConfig(id)); err != nil {
		t.Fatal(err)
	}
	other := image(t, s, [][]byte{layerTar(t, 0, "base"), layerTar(t, 0, "top")}, "localhost/other:1") // keeps the layer
	if _, err := s.lib.DeleteImage(id, true); err != nil {
		t.Fatal(err)
	}
	half := whole
	half.TopLayer, half.Names = "", []string{"localhost/app:1"}
	if _, err := s.AddImage(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	list := func() (ids []string, broken []index.Broken) {
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		ix, err := index.Read(cfg)
		if err != nil {
			t.Fatal(err)
		}
		all, err := ix.All()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			ids = append(ids, e.ID)
		}
		return ids, ix.Broken
	}
	if ids, broken := list(); !slices.Equal(ids, []string{other}) || len(broken) != 1 || broken[0].Problem != "1 of its 1 layers are not there" {
		t.Errorf("%v, %v", ids, broken)
	}
	if found, err := s.Check(t.Context(), true, time.Hour); err != nil || len(found) != 1 || found[0].Image != id {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := s.AddImage(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	if ids, broken := list(); len(ids) != 2 || len(broken) != 0 {
		t.Errorf("%v, %v", ids, broken)
	}
	if img, err = s.lib.Image(id); err != nil || !slices.Equal(img.Names, []string{"localhost/app:1", "localhost/app:2"}) && !slices.Equal(img.Names, []string{"localhost/app:2", "localhost/app:1"}) {
		t.Errorf("%v, %v", img, err)
	}
}

func TestCommitWithoutParent(t *testing.T) {
	s, _ := open(t)
	st, err := s.Stage(context.Background(), bytes.NewReader(layerTar(t, 0, "x")))
	if err != nil {
		t.Fatal(err)
	}
	err = s.Commit(context.Background(), st, strings.Repeat("1", 64), strings.Repeat("2", 64), "")
	if !errors.Is(err, ErrGone) {
		t.Error(err)
	}
	if _, err := s.AddImage(context.Background(), NewImage{Config: []byte("{}"), Manifest: []byte("{}"), TopLayer: strings.Repeat("2", 64)}); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

// TestCommitTwice: the directory of a layer that is in use is never replaced.
func TestCommitTwice(t *testing.T) {
	s, cfg := open(t)
	id := add(t, s, "", layerTar(t, 0, "x"))
	path := filepath.Join(cfg.StorageRoot(), "overlay", id, "diff")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if again := add(t, s, "", layerTar(t, 0, "x")); again != id {
		t.Fatal(again)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the layer was replaced: %v", err)
	}
}

func TestStaleStaging(t *testing.T) {
	s, cfg := open(t)
	dead := filepath.Join(cfg.StorageRoot(), "staging", "dead", "layer-1", "diff")
	if err := os.MkdirAll(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	st, err := s.Stage(context.Background(), bytes.NewReader(layerTar(t, 0, "x")))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	other.Close()
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process has staged: %v", err)
	}
	if _, err := os.Stat(filepath.Join(st.dir, "diff", "x")); err != nil {
		t.Errorf("what we have staged: %v", err)
	}
	st.Discard()
}

func TestMapChange(t *testing.T) {
	m := func(extents ...uint32) (out []specs.LinuxIDMapping) {
		for i := 0; i < len(extents); i += 3 {
			out = append(out, specs.LinuxIDMapping{ContainerID: extents[i], HostID: extents[i+1], Size: extents[i+2]})
		}
		return out
	}
	old := m(0, 1000, 1, 1, 100000, 65536)
	for _, c := range []struct {
		name string
		now  []specs.LinuxIDMapping
		ok   bool
	}{
		{"same", old, true},
		{"grown", m(0, 1000, 1, 1, 100000, 131072), true},
		{"second range", m(0, 1000, 1, 1, 100000, 65536, 65537, 300000, 65536), true},
		{"split in two", m(0, 1000, 1, 1, 100000, 30000, 30001, 130000, 35536), true},
		{"moved", m(0, 1000, 1, 1, 200000, 65536), false},
		{"smaller", m(0, 1000, 1, 1, 100000, 1000), false},
		{"gone", m(0, 1000, 1), false},
		{"other user", m(0, 1001, 1, 1, 100000, 65536), false},
	} {
		path := filepath.Join(t.TempDir(), "storage", "idmap.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := (idMap{old, old}).record(path); err != nil {
			t.Fatal(err)
		}
		err := (idMap{c.now, old}).record(path)
		if c.ok && err != nil || !c.ok && (!errors.Is(err, errs.ErrState) || !strings.Contains(errs.Hint(err), "sudo rm -rf")) {
			t.Errorf("%s: %v, %q", c.name, err, errs.Hint(err))
		}
		if c.ok {
			if err := (idMap{old, old}).record(path); (err == nil) != cmp.Equal(c.now, old) && c.name != "split in two" {
				t.Errorf("%s: the new map was not recorded: %v", c.name, err)
			}
		}
	}
}

// BenchmarkOpen is what every verb on images pays; the library's own first open takes 90 ms.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		cfg := &config.Config{DataRoot: filepath.Join(dir, "data"), RunRoot: filepath.Join(dir, "run")}
		s, err := Open(context.Background(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
