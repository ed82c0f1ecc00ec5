package transport

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/spec"
)

// annotationName is containerd's for the full name of an image in a layout.
const annotationName = "io.containerd.image.name"

// oci reads an OCI image layout (image-spec, image-layout.md): all images, or those that are called ref.
func (s *Source) oci(ref string, p spec.Platform) ([]Image, error) {
	var ix v1.Index
	if err := decode(s.files, v1.ImageIndexFile, &ix); err != nil {
		return nil, err
	}
	if len(ix.Manifests) == 0 {
		return nil, errs.Invalidf("index.json: it names no image")
	}
	var out []Image
	var have []string
	for _, d := range ix.Manifests {
		own := d.Annotations[v1.AnnotationRefName]
		have = append(have, own)
		if ref != "" && own != ref && d.Annotations[annotationName] != ref {
			continue
		}
		f, err := s.described(layoutPaths{}, d, p, 0)
		if err != nil {
			return nil, err
		}
		if name := ociName(d); name != "" {
			full, err := archiveName(name)
			if err != nil {
				return nil, err
			}
			f.Names = append(f.Names, full)
		}
		out = append(out, *f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("image %q: %w; there are: %s", ref, errs.ErrNotFound, strings.Join(have, ", "))
	}
	return out, nil
}

// ociName is what an entry of index.json is called: a full name by containerd's annotation, a
// name or a bare tag by the specification's.
func ociName(d v1.Descriptor) string {
	if name := d.Annotations[annotationName]; name != "" {
		return name
	}
	name := d.Annotations[v1.AnnotationRefName]
	if strings.ContainsAny(name, "/:") {
		return name
	}
	return "" // a bare tag says nothing about the repository
}

// dir reads a directory of loose blobs: manifest.json, and files named after digests.
func (s *Source) dir(p spec.Platform) ([]Image, error) {
	data, err := read(s.files, "manifest.json")
	if err != nil {
		return nil, err
	}
	if !json.Valid(data) {
		return nil, errs.Invalidf("archive member %q: it is no JSON", "manifest.json")
	}
	f, err := s.image(loosePaths{}, data, v1.Descriptor{Digest: digest.FromBytes(data)}, p, 0)
	if err != nil {
		return nil, err
	}
	return []Image{*f}, nil
}

// paths say where blobs and manifests are.
type paths interface {
	blob(d digest.Digest) string
	manifest(d digest.Digest) string
}

type layoutPaths struct{}

func (layoutPaths) blob(d digest.Digest) string {
	return path.Join(v1.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}
func (l layoutPaths) manifest(d digest.Digest) string { return l.blob(d) }
func (l layoutPaths) config(d digest.Digest) string   { return l.blob(d) }

type loosePaths struct{}

func (loosePaths) blob(d digest.Digest) string     { return d.Encoded() }
func (l loosePaths) config(d digest.Digest) string { return l.blob(d) }
func (loosePaths) manifest(d digest.Digest) string { return d.Encoded() + ".manifest.json" }

// maxNesting bounds indexes within indexes.
const maxNesting = 4

// described reads the image that a descriptor names.
func (s *Source) described(at paths, d v1.Descriptor, p spec.Platform, depth int) (*Image, error) {
	data, err := s.verified(at.manifest, d.Digest)
	if err != nil {
		return nil, err
	}
	return s.image(at, data, d, p, depth)
}

// image follows a manifest, through lists.
func (s *Source) image(at paths, data []byte, d v1.Descriptor, p spec.Platform, depth int) (*Image, error) {
	if manifest.IsList(d.MediaType, data) {
		if depth == maxNesting {
			return nil, errs.Invalidf("index %s: it has indexes in it", d.Digest)
		}
		var ix v1.Index
		if err := json.Unmarshal(data, &ix); err != nil {
			return nil, errs.Invalidf("index %s: %w", d.Digest, err)
		}
		chosen, err := manifest.Choose(ix.Manifests, p)
		if err != nil {
			return nil, fmt.Errorf("index %s: %w", d.Digest, err)
		}
		f, err := s.described(at, chosen, p, depth+1)
		if err == nil {
			f.List = d.Digest
		}
		return f, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, errs.Invalidf("manifest %s: %w", d.Digest, err)
	}
	if err := manifest.Runnable(m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	f := &Image{Manifest: data}
	var err error
	if f.Config, err = s.verified(at.blob, m.Config.Digest); err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		if err := valid(l.Digest); err != nil {
			return nil, err
		}
		layer, err := s.layer(at.blob(l.Digest), l.Digest, l.Size)
		if err != nil {
			return nil, err
		}
		f.Layers = append(f.Layers, layer)
	}
	return f, nil
}

// valid refuses what would be a path of its own.
func valid(d digest.Digest) error {
	if err := d.Validate(); err != nil {
		return errs.Invalidf("digest %q: want ALGORITHM:HEX", d)
	}
	return nil
}

// verified reads a small blob, and compares it with its digest.
func (s *Source) verified(where func(digest.Digest) string, d digest.Digest) ([]byte, error) {
	if err := valid(d); err != nil {
		return nil, err
	}
	name := where(d)
	data, err := read(s.files, name)
	if err != nil {
		return nil, err
	}
	if got := d.Algorithm().FromBytes(data); got != d {
		return nil, errs.Invalidf("archive member %q: its digest is %s", name, got)
	}
	return data, nil
}
