package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// picture is an image made for a test.
type picture struct {
	layers [][]byte // uncompressed tar
	config v1.Image
}

func newPicture(base string, names []string) (*picture, error) {
	p := &picture{config: v1.Image{
		Platform: v1.Platform{Architecture: "amd64", OS: "linux"},
		Config:   v1.ImageConfig{Cmd: []string{"sh"}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "FROM=image"}},
	}}
	p.config.RootFS.Type = "layers"
	for _, name := range names {
		layers, err := layer(base, name)
		if err != nil {
			return nil, err
		}
		p.layers = append(p.layers, layers...)
	}
	for _, data := range p.layers {
		p.config.RootFS.DiffIDs = append(p.config.RootFS.DiffIDs, digest.FromBytes(data))
	}
	return p, nil
}

func (p *picture) configJSON() []byte {
	data, err := json.Marshal(p.config)
	if err != nil {
		panic(err) // plain data
	}
	return data
}

// blobs are the manifest, the config and the layers of an OCI image; compressed if asked for.
func (p *picture) blobs(compressed bool) (manifest []byte, blobs [][]byte) {
	config := p.configJSON()
	m := v1.Manifest{
		Versioned: imagespec.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Config:    descriptor(v1.MediaTypeImageConfig, config),
	}
	blobs = append(blobs, config)
	for _, data := range p.layers {
		mediaType := v1.MediaTypeImageLayer
		if compressed {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, _ = w.Write(data)
			_ = w.Close()
			data, mediaType = packed.Bytes(), v1.MediaTypeImageLayerGzip
		}
		m.Layers = append(m.Layers, descriptor(mediaType, data))
		blobs = append(blobs, data)
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return manifest, blobs
}

func descriptor(mediaType string, data []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// writeDocker writes what docker save does.
func (p *picture) writeDocker(w io.Writer, name string) error {
	config := p.configJSON()
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	e := entry{Config: digest.FromBytes(config).Encoded() + ".json", RepoTags: []string{name}}
	t := tar.NewWriter(w)
	put(t, e.Config, config)
	for i, data := range p.layers {
		path := fmt.Sprintf("%03d/layer.tar", i)
		e.Layers = append(e.Layers, path)
		put(t, path, data)
	}
	manifest, err := json.Marshal([]entry{e})
	if err != nil {
		return err
	}
	put(t, "manifest.json", manifest)
	return t.Close()
}

// writeOCI writes an OCI layout as a tar. With corrupt, the last layer is another than its digest says.
func (p *picture) writeOCI(w io.Writer, name string, corrupt bool) error {
	manifest, blobs := p.blobs(true)
	d := descriptor(v1.MediaTypeImageManifest, manifest)
	d.Annotations = map[string]string{v1.AnnotationRefName: name}
	index, err := json.Marshal(v1.Index{Versioned: imagespec.Versioned{SchemaVersion: 2}, Manifests: []v1.Descriptor{d}})
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	put(t, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	put(t, "index.json", index)
	for i, data := range append(blobs, manifest) {
		path := "blobs/sha256/" + digest.FromBytes(data).Encoded()
		if corrupt && i == len(blobs)-1 {
			data = bytes.Clone(data)
			data[len(data)/2] ^= 0x55
		}
		put(t, path, data)
	}
	return t.Close()
}

func put(t *tar.Writer, name string, data []byte) {
	// A bytes.Buffer or a file that is full: Close says so.
	_ = t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))})
	_, _ = t.Write(data)
}

// archive docker|oci|corrupt|tar FILE LAYER…: write an image archive, or for tar a root filesystem.
// The image's name is localhost/ and FILE's name without ".tar". LAYERs are those of layers_test.go.
func cmdArchive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: archive docker|oci|corrupt|tar FILE LAYER…")
	}
	p, err := newPicture(ts.Getenv("ARCHIVE"), args[2:])
	ts.Check(err)
	var out bytes.Buffer
	name := "localhost/" + strings.TrimSuffix(filepath.Base(args[1]), ".tar") + ":latest"
	switch args[0] {
	case "docker":
		err = p.writeDocker(&out, name)
	case "oci":
		err = p.writeOCI(&out, name, false)
	case "corrupt":
		err = p.writeOCI(&out, name, true)
	case "tar":
		out.Write(p.layers[len(p.layers)-1])
	default:
		ts.Fatalf("unknown kind %q", args[0])
	}
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o644))
}
