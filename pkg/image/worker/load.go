package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/store"
)

// found is an image in an archive or a registry, ready to be added.
type found struct {
	config, manifest []byte
	list             digest.Digest
	layers           []blob
	names            []string
	// origin is the repository of a registry that the layers are from.
	origin string
}

// load adds every image of an archive.
func load(ctx context.Context, cfg *config.Config, s *store.Store, o image.LoadOptions) ([]image.Loaded, error) {
	a, err := openArchive(ctx, o.Input, cfg.TmpDir)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer a.Close()
	var images []*found
	switch {
	case a.has("manifest.json"):
		images, err = a.docker()
	case a.has(v1.ImageIndexFile) || a.has(v1.ImageLayoutFile):
		images, err = a.oci(o.Platform)
	default:
		err = errs.Invalidf("it has neither manifest.json (docker-archive) nor index.json (oci-archive)")
		if a.has("etc") || a.has("bin/sh") || a.has("usr/bin/sh") || len(a.members) > 0 && a.has("etc/passwd") {
			err = errs.WithHint(err, "it looks like a root filesystem: rc import FILE NAME")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	var loaded []image.Loaded
	report := newReport(o.Quiet)
	defer report.Close()
	for _, f := range images {
		id, err := add(ctx, cfg, s, f, report)
		if err != nil {
			return loaded, fmt.Errorf("load: %w", err)
		}
		loaded = append(loaded, image.Loaded{ID: id, Names: f.names})
	}
	return loaded, nil
}

// attempts is how often an image is begun anew when rmi deletes its layers meanwhile.
const attempts = 3

// add brings a found image into the store.
func add(ctx context.Context, cfg *config.Config, s *store.Store, f *found, report reporter) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	a := &adder{cfg: cfg, store: s, report: report}
	var h heads
	layers := h.keep(f.layers)
	var err error
	for range attempts {
		var top, id string
		if top, err = a.layers(ctx, layers); err == nil {
			h.learn(ctx, s, f, report)
			id, err = record(ctx, cfg, s, store.NewImage{Config: f.config, Manifest: f.manifest, ListDigest: f.list, TopLayer: top, Names: f.names})
			if err == nil {
				return id, nil
			}
		}
		if !errors.Is(err, store.ErrGone) {
			return "", err
		}
	}
	return "", err
}

// record adds an image while nobody removes any: rmi decides by what it saw when it began.
func record(ctx context.Context, cfg *config.Config, s *store.Store, n store.NewImage) (string, error) {
	lock, err := index.Hold(ctx, cfg, true)
	if err != nil {
		return "", err
	}
	defer lock.Release()
	return s.AddImage(n)
}

// check fills the layers' diff ids in from the configuration, and says whether the image can be run at all.
func (f *found) check() error {
	var c store.ImageConfig
	if err := json.Unmarshal(f.config, &c); err != nil {
		return errs.Invalidf("image configuration: %w", err)
	}
	if c.RootFS.Type != "" && c.RootFS.Type != "layers" {
		return errs.Unsupportedf("image configuration: root filesystems of type %q are unknown", c.RootFS.Type)
	}
	if len(c.RootFS.DiffIDs) != len(f.layers) {
		return errs.Invalidf("image configuration: it names %d layers, the manifest %d", len(c.RootFS.DiffIDs), len(f.layers))
	}
	for i, d := range c.RootFS.DiffIDs {
		f.layers[i].DiffID = d
	}
	return nil
}

// dockerItem is an entry of manifest.json as `docker save` writes it.
type dockerItem struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// docker reads an archive of `docker save`, of any version.
func (a *archive) docker() ([]*found, error) {
	var items []dockerItem
	if err := a.decode("manifest.json", &items); err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, errs.Invalidf("manifest.json: it names no image")
	}
	var out []*found
	for _, item := range items {
		f, err := a.dockerImage(item)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func (a *archive) dockerImage(item dockerItem) (*found, error) {
	config, err := a.read(item.Config)
	if err != nil {
		return nil, err
	}
	// The file is named after its digest, in both layouts: <digest>.json, blobs/sha256/<digest>.
	name := strings.TrimSuffix(path.Base(item.Config), ".json")
	if got := digest.Canonical.FromBytes(config); len(name) == 64 && got.Encoded() != name {
		return nil, errs.Invalidf("archive member %q: its digest is %s", item.Config, got)
	}
	f := &found{config: config}
	for _, tag := range item.RepoTags {
		full, err := archiveName(tag)
		if err != nil {
			return nil, err
		}
		f.names = append(f.names, full)
	}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	m.Config = v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.Canonical.FromBytes(config), Size: int64(len(config))}
	var c store.ImageConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, errs.Invalidf("archive member %q: %w", item.Config, err)
	}
	for i, layer := range item.Layers {
		b, err := a.blob(layer, "", -1)
		if err != nil {
			return nil, err
		}
		f.layers = append(f.layers, b)
		d := v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Size: b.Size}
		if i < len(c.RootFS.DiffIDs) {
			d.Digest = c.RootFS.DiffIDs[i]
		}
		m.Layers = append(m.Layers, d)
	}
	f.manifest, err = json.Marshal(m)
	return f, err
}

// blob is a layer in the archive.
func (a *archive) blob(name string, d digest.Digest, size int64) (blob, error) {
	r, err := a.open(name)
	if err != nil {
		return blob{}, err
	}
	if size >= 0 && r.Size() != size {
		return blob{}, errs.Invalidf("archive member %q: it has %d bytes, the manifest says %d", name, r.Size(), size)
	}
	return blob{Digest: d, Size: r.Size(), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, 0, r.Size())), nil
	}}, nil
}

// archiveName is the full name of a RepoTags entry: docker writes its short names there.
func archiveName(tag string) (string, error) {
	n, err := parseName(tag)
	if err != nil {
		return "", fmt.Errorf("archive: %w", err)
	}
	return n.Tagged().String(), nil
}

// oci reads an OCI image layout (image-spec, image-layout.md).
func (a *archive) oci(p spec.Platform) ([]*found, error) {
	var ix v1.Index
	if err := a.decode(v1.ImageIndexFile, &ix); err != nil {
		return nil, err
	}
	if len(ix.Manifests) == 0 {
		return nil, errs.Invalidf("index.json: it names no image")
	}
	var out []*found
	for _, d := range ix.Manifests {
		f, err := a.ociImage(d, p, 0)
		if err != nil {
			return nil, err
		}
		if name := ociName(d); name != "" {
			full, err := archiveName(name)
			if err != nil {
				return nil, err
			}
			f.names = append(f.names, full)
		}
		out = append(out, f)
	}
	return out, nil
}

// ociName is what an entry of index.json is called: a full name by containerd's annotation, a
// name or a bare tag by the specification's.
func ociName(d v1.Descriptor) string {
	if name := d.Annotations["io.containerd.image.name"]; name != "" {
		return name
	}
	name := d.Annotations[v1.AnnotationRefName]
	if strings.ContainsAny(name, "/:") {
		return name
	}
	return "" // a bare tag says nothing about the repository
}

// maxNesting bounds indexes within indexes.
const maxNesting = 4

func (a *archive) ociImage(d v1.Descriptor, p spec.Platform, depth int) (*found, error) {
	data, err := a.descriptor(d)
	if err != nil {
		return nil, err
	}
	if isList(d.MediaType, data) {
		if depth == maxNesting {
			return nil, errs.Invalidf("index %s: it has indexes in it", d.Digest)
		}
		var ix v1.Index
		if err := json.Unmarshal(data, &ix); err != nil {
			return nil, errs.Invalidf("index %s: %w", d.Digest, err)
		}
		chosen, err := choose(ix.Manifests, p)
		if err != nil {
			return nil, fmt.Errorf("index %s: %w", d.Digest, err)
		}
		f, err := a.ociImage(chosen, p, depth+1)
		if err == nil {
			f.list = d.Digest
		}
		return f, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, errs.Invalidf("manifest %s: %w", d.Digest, err)
	}
	if err := runnable(m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	f := &found{manifest: data}
	if f.config, err = a.descriptor(m.Config); err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		name, err := blobPath(l.Digest)
		if err != nil {
			return nil, err
		}
		b, err := a.blob(name, l.Digest, l.Size)
		if err != nil {
			return nil, err
		}
		f.layers = append(f.layers, b)
	}
	return f, nil
}

func blobPath(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil {
		return "", errs.Invalidf("digest %q: want ALGORITHM:HEX", d)
	}
	return path.Join(v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded()), nil
}

// descriptor reads what a descriptor names, and verifies it.
func (a *archive) descriptor(d v1.Descriptor) ([]byte, error) {
	name, err := blobPath(d.Digest)
	if err != nil {
		return nil, err
	}
	data, err := a.read(name)
	if err != nil {
		return nil, err
	}
	if got := d.Digest.Algorithm().FromBytes(data); got != d.Digest {
		return nil, errs.Invalidf("archive member %q: its digest is %s", name, got)
	}
	return data, nil
}
