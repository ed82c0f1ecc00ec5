package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// files are the contents of a layer, by name; a name with a slash at its end is a directory.
type files []struct{ name, body string }

func tarOf(t testing.TB, fs files) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range fs {
		h := tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.body)), ModTime: time.Unix(1700000000, 0)}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag, h.Mode, h.Size = tar.TypeDir, 0o755, 0
		}
		must(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, f.body)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func gz(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func zst(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	must(t, err)
	return w.EncodeAll(data, nil)
}

// built is an image as it lies in a registry: blobs by digest.
type built struct {
	blobs    map[digest.Digest][]byte
	manifest []byte
	config   []byte
	layers   []v1.Descriptor
	diffs    [][]byte
}

func (b *built) digest() digest.Digest { return digest.FromBytes(b.manifest) }

func (b *built) id() string { return digest.FromBytes(b.config).Encoded() }

// build makes an image of uncompressed layers; odd ones become zstd, even ones gzip.
func build(t testing.TB, platform v1.Platform, config v1.ImageConfig, layers ...[]byte) *built {
	t.Helper()
	b := &built{blobs: make(map[digest.Digest][]byte), diffs: layers}
	created := time.Unix(1700000000, 0).UTC()
	c := v1.Image{Created: &created, Platform: platform, Config: config, RootFS: v1.RootFS{Type: "layers"}}
	for i, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, digest.FromBytes(l))
		data, mediaType := gz(t, l), v1.MediaTypeImageLayerGzip
		if i%2 == 1 {
			data, mediaType = zst(t, l), v1.MediaTypeImageLayerZstd
		}
		b.layers = append(b.layers, b.add(mediaType, data))
	}
	var err error
	b.config, err = json.Marshal(c)
	must(t, err)
	b.seal(t)
	return b
}

// seal writes the manifest.
func (b *built) seal(t testing.TB) {
	t.Helper()
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Config: b.add(v1.MediaTypeImageConfig, b.config), Layers: b.layers}
	var err error
	b.manifest, err = json.Marshal(m)
	must(t, err)
	b.blobs[b.digest()] = b.manifest
}

func (b *built) add(mediaType string, data []byte) v1.Descriptor {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	b.blobs[d.Digest] = data
	return d
}

// amd64 is the platform of most test images: whatever this machine is.
func linux(arch, variant string) v1.Platform {
	return v1.Platform{OS: "linux", Architecture: arch, Variant: variant}
}

// write makes a file and gives its path.
func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	must(t, os.WriteFile(path, data, 0o644))
	return path
}

// dockerArchive is what docker save wrote until version 24 (links for repeated layers), or writes since.
func (b *built) dockerArchive(t testing.TB, old bool, tags ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, data []byte) {
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}))
		_, err := w.Write(data)
		must(t, err)
	}
	config := b.id() + ".json"
	if !old {
		config = "blobs/sha256/" + b.id()
	}
	put(config, b.config)
	var layers []string
	seen := make(map[digest.Digest]string)
	for i, diff := range b.diffs {
		d := digest.FromBytes(diff)
		name := fmt.Sprintf("%064d/layer.tar", i)
		if !old {
			name = "blobs/sha256/" + d.Encoded()
		}
		if first, ok := seen[d]; ok && old {
			must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: "../" + first}))
		} else if !ok {
			put(name, diff)
			seen[d] = name
		}
		layers = append(layers, name)
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": config, "RepoTags": tags, "Layers": layers}})
	must(t, err)
	put("manifest.json", manifest)
	must(t, w.Close())
	return out.Bytes()
}

// ociArchive is an image layout with one entry for each image.
func ociArchive(t testing.TB, names []string, images ...*built) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, data []byte) {
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}))
		_, err := w.Write(data)
		must(t, err)
	}
	put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	ix := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}}
	for i, b := range images {
		for d, data := range b.blobs {
			put("blobs/sha256/"+d.Encoded(), data)
		}
		ix.Manifests = append(ix.Manifests, v1.Descriptor{
			MediaType: v1.MediaTypeImageManifest, Digest: b.digest(), Size: int64(len(b.manifest)),
			Annotations: map[string]string{v1.AnnotationRefName: names[i]},
		})
	}
	data, err := json.Marshal(ix)
	must(t, err)
	put("index.json", data)
	must(t, w.Close())
	return out.Bytes()
}
