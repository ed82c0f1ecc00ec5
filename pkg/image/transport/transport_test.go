package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// fill writes an image of one layer through a writer.
func fill(t *testing.T, w *Writer, name string) {
	t.Helper()
	ctx := context.Background()
	layer := []byte("layer of " + name)
	config, err := json.Marshal(v1.Image{RootFS: v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(data []byte, mediaType string, known bool) v1.Descriptor {
		t.Helper()
		want := v1.Descriptor{MediaType: mediaType, Size: -1}
		if known {
			want.Digest, want.Size = digest.FromBytes(data), int64(len(data))
		}
		got, err := w.Put(ctx, bytes.NewReader(data), want)
		if err != nil || got.Digest != digest.FromBytes(data) || got.Size != int64(len(data)) {
			t.Fatalf("%+v, %v", got, err)
		}
		if have, err := w.Has(ctx, got.Digest, nil); !have || err != nil {
			t.Errorf("what was put is not there: %v", err)
		}
		return got
	}
	w.Begin([]string{name})
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	m.Layers = []v1.Descriptor{put(layer, v1.MediaTypeImageLayer, false)}
	m.Config = put(config, v1.MediaTypeImageConfig, true)
	data, err := json.Marshal(m)
	if err == nil {
		err = w.Manifest(ctx, data, "")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, l image.Location) *Writer {
	t.Helper()
	w, err := Create(l, nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// TestWrittenIsRead: every kind is read as what it was written as, and nothing but it is left.
func TestWrittenIsRead(t *testing.T) {
	for _, kind := range []string{image.TransportDockerArchive, image.TransportOCIArchive, image.TransportDir, image.TransportOCI} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			l := image.Location{Transport: kind, Path: filepath.Join(dir, "out")}
			for range 2 { // the second time in place of the first, or into it
				w := create(t, l)
				fill(t, w, "localhost/a:1")
				if kind != image.TransportDir {
					fill(t, w, "localhost/b:1")
				}
				if err := w.Commit(); err != nil {
					t.Fatal(err)
				}
				w.Close()
				if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
					t.Fatalf("%v, %v", left, err)
				}
			}
			want := 2
			if kind == image.TransportDir {
				want = 1
			} else {
				l.Ref = "localhost/a:1"
			}
			s, images, err := At(t.Context(), l, image.Platform{}, t.TempDir())
			if err != nil || len(images) != 1 {
				t.Fatalf("%d images, %v", len(images), err)
			}
			defer s.Close()
			r, err := images[0].Layers[0].Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if data, err := io.ReadAll(r); err != nil || string(data) != "layer of localhost/a:1" {
				t.Errorf("%q, %v", data, err)
			}
			all, err := s.Images(image.Platform{})
			if err != nil || len(all) != want {
				t.Errorf("%d images, %v", len(all), err)
			}
		})
	}
}

// TestSameBytes: an archive depends on the images alone.
func TestSameBytes(t *testing.T) {
	for _, kind := range []string{image.TransportDockerArchive, image.TransportOCIArchive} {
		var out [2][]byte
		for i := range out {
			path := filepath.Join(t.TempDir(), fmt.Sprint("name", i))
			w := create(t, image.Location{Transport: kind, Path: path})
			fill(t, w, "localhost/a:1")
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = data
		}
		if !bytes.Equal(out[0], out[1]) {
			t.Errorf("%s: other bytes the second time", kind)
		}
	}
}

// TestUnfinished: what is not committed is not there, and what was there before still is.
func TestUnfinished(t *testing.T) {
	for _, kind := range []string{image.TransportDockerArchive, image.TransportDir, image.TransportOCI} {
		dir := t.TempDir()
		l := image.Location{Transport: kind, Path: filepath.Join(dir, "out")}
		w := create(t, l)
		fill(t, w, "localhost/a:1")
		w.Close()
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s: %v, %v", kind, left, err)
		}
		w = create(t, l)
		broken := errors.New("broken")
		failing := io.MultiReader(strings.NewReader("x"), readFunc(func([]byte) (int, error) { return 0, broken }))
		if _, err := w.Put(t.Context(), failing, v1.Descriptor{MediaType: v1.MediaTypeImageLayerGzip, Size: -1}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", kind, err)
		}
		fill(t, w, "localhost/a:1")
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		w = create(t, l)
		fill(t, w, "localhost/b:1")
		w.Close()
		s, images, err := At(t.Context(), l, image.Platform{}, t.TempDir())
		if err != nil || len(images) != 1 {
			t.Fatalf("%s: %d images, %v", kind, len(images), err)
		}
		s.Close()
	}
}

// TestLeftovers: what a killed process left of a directory goes with the next one.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	dead := filepath.Join(dir, temporary(path)+"1")
	if err := os.Mkdir(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	running := create(t, image.Location{Transport: image.TransportDir, Path: path})
	other := create(t, image.Location{Transport: image.TransportDir, Path: path})
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
	fill(t, running, "localhost/a:1")
	fill(t, other, "localhost/a:1")
	for _, w := range []*Writer{running, other} {
		if err := w.Commit(); err != nil {
			t.Error(err)
		}
		w.Close()
	}
	layout := filepath.Join(dir, "layout")
	one := create(t, image.Location{Transport: image.TransportOCI, Path: layout})
	fill(t, one, "localhost/a:1")
	if _, err := Create(image.Location{Transport: image.TransportOCI, Path: layout}, nil, dir); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("two at once in a layout: %v", err)
	}
}

// TestRefusedPlaces: nothing of somebody else's is written over.
func TestRefusedPlaces(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{image.TransportDir, image.TransportOCI} {
		if _, err := Create(image.Location{Transport: kind, Path: dir}, nil, dir); !errors.Is(err, errs.ErrExists) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := Create(image.Location{Transport: image.TransportOCIArchive, Path: dir}, nil, dir); !errors.Is(err, errs.ErrInvalid) {
		t.Error(err)
	}
	if _, err := Create(image.Location{Transport: image.TransportOCIArchive, Path: filepath.Join(dir, "none/x")}, nil, dir); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestEscape: names in manifests, and links in directories, lead nowhere out.
func TestEscape(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(`{"rootfs":{"type":"layers"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := digest.FromString("x")
	up := strings.Repeat("../", 20)
	for name, files := range map[string]map[string]string{
		"name of a configuration": {"manifest.json": fmt.Sprintf(`[{"Config":%q}]`, up+secret)},
		"absolute name":           {"manifest.json": fmt.Sprintf(`[{"Config":%q}]`, secret)},
		"link":                    {"manifest.json": `[{"Config":"link"}]`, "link": "->" + secret},
		"link upwards":            {"manifest.json": `[{"Config":"link"}]`, "link": "->" + up + secret},
		"manifest":                {"manifest.json": "->" + secret},
		"digest":                  {"index.json": fmt.Sprintf(`{"manifests":[{"digest":%q}]}`, "sha256:"+up+secret)},
		"blobs":                   {"index.json": fmt.Sprintf(`{"manifests":[{"digest":%q}]}`, d), "blobs": "->" + filepath.Dir(secret)},
		"pipe":                    {"index.json": fmt.Sprintf(`{"manifests":[{"digest":%q}]}`, d), "blobs/sha256/" + d.Encoded(): "|"},
		"wrong digest":            {"index.json": fmt.Sprintf(`{"manifests":[{"digest":%q}]}`, d), "blobs/sha256/" + d.Encoded(): "y"},
		"dir: digest":             {"manifest.json": fmt.Sprintf(`{"schemaVersion":2,"config":{"digest":%q}}`, "sha256:"+up+secret)},
		"nothing":                 {},
	} {
		dir := t.TempDir()
		for file, content := range files {
			path := filepath.Join(dir, file)
			err := os.MkdirAll(filepath.Dir(path), 0o700)
			target, link := strings.CutPrefix(content, "->")
			switch {
			case err != nil:
			case link:
				err = os.Symlink(target, path)
			case content == "|":
				err = unix.Mkfifo(path, 0o600)
			default:
				err = os.WriteFile(path, []byte(content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(t.Context(), dir, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if images, err := s.Images(image.Platform{}); err == nil {
			t.Errorf("%s: read %d images", name, len(images))
		} else if !errors.Is(err, errs.ErrInvalid) && !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

// TestTruncated: an archive that is cut off anywhere is told as such, or lacks nothing that is read.
func TestTruncated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "whole")
	w := create(t, image.Location{Transport: image.TransportOCIArchive, Path: path})
	fill(t, w, "localhost/a:1")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	read := 0
	for n := 0; n < len(whole); n += 100 {
		if err := os.WriteFile(cut, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), cut, t.TempDir())
		if err == nil {
			_, err = s.Images(image.Platform{})
			s.Close()
		}
		if err == nil {
			read++
		} else if !errors.Is(err, errs.ErrInvalid) && !errors.Is(err, errs.ErrNotFound) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if limit := 2*tarBlock/100 + 1; read > limit { // the two blocks of zeros at the end
		t.Errorf("%d cut archives were read", read)
	}
}

const tarBlock = 512

// TestStorageSpecification: [DRIVER@GRAPHROOT+RUNROOT:OPTIONS], or the user's own files.
func TestStorageSpecification(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("CONTAINERS_STORAGE_CONF", "")
	check := func(specification, driver, root string) {
		t.Helper()
		d, r, err := storageRoot(specification)
		if d != driver || r != root || err != nil {
			t.Errorf("%q: %q, %q, %v", specification, d, r, err)
		}
	}
	check("", "", filepath.Join(home, ".local/share/containers/storage"))
	check("overlay@/a+/b:overlay.mount_program=/c", "overlay", "/a")
	check("vfs@/a", "vfs", "/a")
	check("/a+/b", "", "/a")
	t.Setenv("XDG_DATA_HOME", "/data")
	check("", "", "/data/containers/storage")
	conf := filepath.Join(home, "storage.conf")
	if err := os.WriteFile(conf, []byte("[storage]\ndriver = \"vfs\"\ngraphroot = \"/elsewhere\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_STORAGE_CONF", conf)
	check("", "", "/elsewhere")
	for _, bad := range []string{"overlay", "overlay@x", "@"} {
		if _, _, err := storageRoot(bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzStorage feeds the files of podman's store: errors are fine, anything else ends.
func FuzzStorage(f *testing.F) {
	id := strings.Repeat("a", 64)
	f.Add([]byte(`[{"id":"`+id+`","layer":"l"}]`), []byte(`[{"id":"l","parent":"l"}]`), []byte(`{"config":{"digest":"sha256:`+id+`"}}`))
	f.Add([]byte(`[{"id":"../../x","names":["a"]}]`), []byte(`[]`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, images, layers, manifest []byte) {
		root := t.TempDir()
		for name, data := range map[string][]byte{
			"overlay-images/images.json": images, "overlay-layers/layers.json": layers, "overlay-images/" + id + "/manifest": manifest,
		} {
			path := filepath.Join(root, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		s, err := OpenStorage("overlay@" + root)
		if err != nil {
			return
		}
		for _, ref := range []string{"a", id[:12]} {
			if i, err := s.Image(ref); err == nil && len(i.Layers) > len(s.layers) {
				t.Fatalf("%q: %d layers of %d", ref, len(i.Layers), len(s.layers))
			}
		}
	})
}
