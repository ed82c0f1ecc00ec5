package export

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

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/store"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// sink is a destination in memory.
type sink struct {
	blobs map[digest.Digest][]byte
	puts  int
	fail  int // this many Puts fail first
}

func (s *sink) Has(_ context.Context, d digest.Digest, _ []string) (bool, error) {
	_, ok := s.blobs[d]
	return ok, nil
}

func (s *sink) Put(_ context.Context, r io.Reader, want v1.Descriptor) (v1.Descriptor, error) {
	data, err := io.ReadAll(r)
	if err == nil && s.fail > 0 {
		s.fail--
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return want, err
	}
	s.puts++
	want.Digest, want.Size = digest.FromBytes(data), int64(len(data))
	s.blobs[want.Digest] = data
	return want, nil
}

func (s *sink) Manifest(context.Context, []byte, digest.Digest) error { return nil }

func (s *sink) Retry(_ context.Context, do func() error) error {
	err := do()
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = do()
	}
	return err
}

// quiet notes warnings.
type quiet struct{ warnings []string }

func (*quiet) Layer(digest.Digest, int64, bool)    {}
func (*quiet) Read(r io.Reader) io.Reader          { return r }
func (q *quiet) Warn(format string, _ ...any)      { q.warnings = append(q.warnings, format) }
func (s *sink) holds(d digest.Digest) (there bool) { _, there = s.blobs[d]; return there }
func newSink() *sink                               { return &sink{blobs: map[digest.Digest][]byte{}} }

func packed(t *testing.T, r compress.Recipe, data []byte) []byte {
	t.Helper()
	z := r.Reader(bytes.NewReader(data))
	defer z.Close()
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// archive is a layer's.
func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	body := strings.Repeat("some text that is compressed, and more of it; ", 3000)
	err := errors.Join(w.WriteHeader(&tar.Header{Name: "file", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}))
	if err == nil {
		_, err = io.WriteString(w, body)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stored puts an image of one layer into a new store, as if it had come as blob.
func stored(t *testing.T, mediaType string, blob func(plain []byte) []byte) (s *store.Store, id string, m v1.Manifest, dir string) {
	t.Helper()
	ctx := t.Context()
	cfg := &config.Config{DataRoot: filepath.Join(t.TempDir(), "data"), RunRoot: filepath.Join(t.TempDir(), "run")}
	s, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	plain := archive(t)
	staged, err := s.Stage(ctx, bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	layer := digest.FromBytes(plain)
	if err := s.Commit(ctx, staged, layer.Encoded(), "", ""); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}, RootFS: v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer}}})
	if err != nil {
		t.Fatal(err)
	}
	data := blob(plain)
	m = v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Annotations: map[string]string{"keep": "me"},
		Config: v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers: []v1.Descriptor{{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data)), Annotations: map[string]string{"of": "these bytes"}}},
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	id, err = s.AddImage(context.Background(), store.NewImage{Config: config, Manifest: append(raw, '\n'), TopLayer: layer.Encoded()})
	if err != nil {
		t.Fatal(err)
	}
	return s, id, m, filepath.Join(cfg.StorageRoot(), "overlay", layer.Encoded(), "diff")
}

func send(t *testing.T, s *store.Store, id string, to *sink, o Options) (*Sent, v1.Manifest, *quiet) {
	t.Helper()
	q := &quiet{}
	o.Report = q
	sent, err := Send(t.Context(), s, id, to, o)
	if err != nil {
		t.Fatal(err)
	}
	var m v1.Manifest
	if err := json.Unmarshal(sent.Manifest, &m); err != nil {
		t.Fatal(err)
	}
	for _, d := range append(slices.Clone(m.Layers), m.Config) {
		if !to.holds(d.Digest) || int64(len(to.blobs[d.Digest])) != d.Size {
			t.Errorf("%s is not there, or of another size", d.Digest)
		}
	}
	return sent, m, q
}

// TestKept: what a known recipe made comes out as it came, with the very manifest, and is learned.
func TestKept(t *testing.T) {
	for recipe, mediaType := range map[compress.Recipe]string{
		"go": v1.MediaTypeImageLayerGzip, "pgzip": v1.MediaTypeImageLayerGzip, "zstd": v1.MediaTypeImageLayerZstd, "": v1.MediaTypeImageLayer,
	} {
		s, id, m, _ := stored(t, mediaType, func(plain []byte) []byte { return packed(t, recipe, plain) })
		to := newSink()
		to.fail = 1 // which is repeated
		sent, _, q := send(t, s, id, to, Options{Plain: recipe == "", Repository: "r.example/a"})
		if !bytes.HasSuffix(sent.Manifest, []byte("\n")) || len(q.warnings) > 0 {
			t.Errorf("%s: %s %q", recipe, sent.Manifest, q.warnings)
		}
		if recipe == "" {
			continue
		}
		img, err := s.Stored(id)
		if err != nil {
			t.Fatal(err)
		}
		k := s.Known(img.Layers[0].DiffID)
		if len(k.Blobs) != 1 || k.Blobs[0].Recipe != string(recipe) || k.Blobs[0].Digest != m.Layers[0].Digest || k.Blobs[0].At[0] != "r.example/a" {
			t.Errorf("%s: learned %+v", recipe, k)
		}
		before := to.puts
		send(t, s, id, to, Options{})
		if to.puts != before {
			t.Errorf("%s: sent again what is there", recipe)
		}
	}
}

// TestAnew: what no recipe makes is copied from where it was, or else made anew, and told.
func TestAnew(t *testing.T) {
	odd := func(plain []byte) []byte { return append(packed(t, "go", plain), packed(t, "go", nil)...) }
	s, id, m, _ := stored(t, v1.MediaTypeImageLayerGzip, odd)
	img, err := s.Stored(id)
	if err != nil {
		t.Fatal(err)
	}
	own := m.Layers[0]
	if err := s.Learn(t.Context(), img.Layers[0].DiffID, store.KnownBlob{Digest: own.Digest, Size: own.Size, At: []string{"r.example/bad", "r.example/good"}}); err != nil {
		t.Fatal(err)
	}
	plain := archive(t)
	origin := func(_ context.Context, repository string, manifest digest.Digest, blob v1.Descriptor) (io.ReadCloser, error) {
		if manifest != digest.FromBytes(img.Manifest) || blob.Digest != own.Digest {
			t.Errorf("asked for %s of %s", blob.Digest, manifest)
		}
		if repository == "r.example/bad" { // it lies
			return io.NopCloser(strings.NewReader("something else")), nil
		}
		return io.NopCloser(bytes.NewReader(odd(plain))), nil
	}
	to := newSink()
	sent, _, q := send(t, s, id, to, Options{Origin: origin})
	if sent.Digest != digest.FromBytes(img.Manifest) || len(q.warnings) > 0 {
		t.Errorf("%s %q", sent.Manifest, q.warnings)
	}
	if to.holds(digest.FromString("something else")) {
		t.Error("what a registry lied about was kept")
	}
	to = newSink()
	_, made, q := send(t, s, id, to, Options{})
	if len(q.warnings) != 1 || made.Layers[0].Digest == own.Digest || made.Layers[0].Annotations != nil || made.Annotations["keep"] != "me" {
		t.Errorf("%+v %q", made, q.warnings)
	}
	if made.Layers[0].Digest != digest.FromBytes(packed(t, "pgzip", plain)) {
		t.Errorf("made by another recipe than podman's")
	}
}

// TestForms: other compressions and types.
func TestForms(t *testing.T) {
	level := 3
	s, id, _, _ := stored(t, v1.MediaTypeImageLayerGzip, func(plain []byte) []byte { return packed(t, "go", plain) })
	plain := archive(t)
	for _, c := range []struct {
		o               Options
		manifest, layer string
		recipe          compress.Recipe
	}{
		{Options{Type: manifest.Docker}, manifest.DockerManifest, "application/vnd.docker.image.rootfs.diff.tar.gzip", "go"},
		{Options{Type: manifest.Docker, Plain: true}, manifest.DockerManifest, "application/vnd.docker.image.rootfs.diff.tar", ""},
		{Options{Format: compress.Zstd}, v1.MediaTypeImageManifest, v1.MediaTypeImageLayerZstd, "zstd"},
		{Options{Format: compress.Gzip, Level: &level}, v1.MediaTypeImageManifest, v1.MediaTypeImageLayerGzip, "pgzip-3"},
		{Options{Level: &level, Exact: true}, v1.MediaTypeImageManifest, v1.MediaTypeImageLayerGzip, "pgzip-3"},
	} {
		_, m, _ := send(t, s, id, newSink(), c.o)
		if m.MediaType != c.manifest || m.Layers[0].MediaType != c.layer || m.Layers[0].Digest != digest.FromBytes(packed(t, c.recipe, plain)) {
			t.Errorf("%+v: %+v", c.o, m)
		}
		if c.o.Type == manifest.Docker && (m.Annotations != nil || m.Layers[0].Annotations != nil) {
			t.Errorf("docker's manifest has annotations: %+v", m)
		}
	}
	_, err := Send(t.Context(), s, id, newSink(), Options{Type: manifest.Docker, Format: compress.Zstd, Report: &quiet{}})
	if !errors.Is(err, errs.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := Send(t.Context(), s, strings.Repeat("0", 64), newSink(), Options{Report: &quiet{}}); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Send(stopped, s, id, newSink(), Options{Report: &quiet{}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestDamagedLayer: files that have changed in the store never get out, whatever they would become.
func TestDamagedLayer(t *testing.T) {
	s, id, _, dir := stored(t, v1.MediaTypeImageLayer, func(plain []byte) []byte { return plain })
	path := filepath.Join(dir, "file")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Plain: true}, {Format: compress.Zstd}} {
		to := newSink()
		o.Report = &quiet{}
		if _, err := Send(t.Context(), s, id, to, o); err == nil || to.puts > 0 {
			t.Errorf("%+v: %v, %d blobs", o, err, to.puts)
		}
	}
}
