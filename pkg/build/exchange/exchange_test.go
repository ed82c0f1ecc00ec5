package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
)

// written is a layout with one cache in it; change changes its manifest and configuration before.
func written(t testing.TB, dir string, change func(m *v1.Manifest, c *Config)) Layout {
	t.Helper()
	ctx := context.Background()
	l := Layout(dir)
	layer, err := l.Put(ctx, strings.NewReader("layer"), v1.Descriptor{MediaType: v1.MediaTypeImageLayer})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Version: 1, Steps: []Step{{Key: "k", DiffID: layer.Digest.String()}, {Key: "out of range", Blob: 1}, {Key: "negative", Blob: -1}}}
	m := v1.Manifest{ArtifactType: ArtifactType, Config: v1.Descriptor{MediaType: ConfigType}, Layers: []v1.Descriptor{layer}}
	if change != nil {
		change(&m, &c)
	}
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := l.Put(ctx, bytes.NewReader(data), m.Config)
	if err != nil {
		t.Fatal(err)
	}
	if m.Config.Digest == "" {
		m.Config = d
	}
	if data, err = json.Marshal(m); err == nil {
		err = l.Manifest(ctx, data, "")
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestOpen(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	written(t, dir, nil)
	l := written(t, dir, nil) // again, to the same place
	steps, layers, err := Open(ctx, l, 1)
	if err != nil || len(steps) != 1 || steps[0].Key != "k" || len(layers) != 1 {
		t.Fatalf("%+v, %v, %v", steps, layers, err)
	}
	r, err := l.Blob(ctx, layers[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || string(data) != "layer" {
		t.Errorf("%q, %v", data, err)
	}
	for name, test := range map[string]struct {
		change func(m *v1.Manifest, c *Config)
		want   error
	}{
		"other version":       {func(_ *v1.Manifest, c *Config) { c.Version = 2 }, errs.ErrUnsupported},
		"an image":            {func(m *v1.Manifest, _ *Config) { m.Config.MediaType = v1.MediaTypeImageConfig }, errs.ErrUnsupported},
		"other configuration": {func(m *v1.Manifest, _ *Config) { m.Config.Digest = digest.FromString("layer") }, errs.ErrInvalid},
		"a path for a digest": {func(m *v1.Manifest, _ *Config) { m.Config.Digest = "sha256:../../../x" }, errs.ErrInvalid},
		"nothing there":       {func(m *v1.Manifest, _ *Config) { m.Config.Digest = digest.FromString("x") }, os.ErrNotExist},
	} {
		if steps, _, err := Open(ctx, written(t, t.TempDir(), test.change), 1); !errors.Is(err, test.want) || len(steps) > 0 {
			t.Errorf("%s: %v, %v", name, steps, err)
		}
	}
}

// TestBeside: what else is in a directory stays.
func TestBeside(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if _, err := Layout(dir).Read(ctx); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("empty: %v", err)
	}
	path := filepath.Join(dir, v1.ImageIndexFile)
	if err := os.WriteFile(path, []byte(`{"manifests":[{"digest":"sha256:other","size":1}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Layout(dir).Read(ctx); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("others only: %v", err)
	}
	written(t, dir, nil)
	var ix v1.Index
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &ix)
	}
	if err != nil || len(ix.Manifests) != 2 || ix.Manifests[0].Digest != "sha256:other" {
		t.Errorf("%s, %v", data, err)
	}
}

// one is a shelf with any manifest and any configuration.
type one struct{ manifest, config []byte }

func (o one) Read(context.Context) ([]byte, error) { return o.manifest, nil }
func (o one) Blob(context.Context, v1.Descriptor) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o.config)), nil
}
func (o one) Close() {}

func FuzzOpen(f *testing.F) {
	config := []byte(`{"version":1,"steps":[{"key":"k","blob":0}]}`)
	f.Add([]byte(`{"config":{"mediaType":"`+ConfigType+`","digest":"`+digest.FromBytes(config).String()+`"},"layers":[{}]}`), config)
	f.Add([]byte(`{`), []byte(`[`))
	f.Fuzz(func(t *testing.T, manifest, config []byte) {
		steps, layers, err := Open(context.Background(), one{manifest, config}, 1)
		for _, s := range steps {
			if err != nil || s.Blob < 0 || s.Blob >= len(layers) {
				t.Errorf("step %+v of %d layers, %v", s, len(layers), err)
			}
		}
	})
}
