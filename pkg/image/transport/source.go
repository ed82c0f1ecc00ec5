package transport

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
)

// Image is one that was found, ready to be added to the store.
type Image struct {
	Config, Manifest []byte
	// List is the digest of the list that named the manifest, "" without one.
	List   digest.Digest
	Layers []Layer
	Names  []string // full ones
}

// Layer is a blob in a file.
type Layer struct {
	// Digest is that of the bytes that Open gives; "" where the archive does not say.
	Digest digest.Digest
	Size   int64
	Open   func(ctx context.Context) (io.ReadCloser, error)
}

// Source is an archive or a directory. Close it when its layers have been read.
type Source struct {
	files
	name string
}

// Open opens an archive, compressed or not, or a directory; "" is standard input. What is compressed, or cannot be sought
// in, is copied to an unnamed file in tmp.
func Open(ctx context.Context, input, tmp string) (*Source, error) {
	f, err := openArchive(ctx, input, tmp)
	if err != nil {
		return nil, err
	}
	name := input
	if input == "" || input == "-" {
		name = "standard input"
	}
	return &Source{f, name}, nil
}

// Kind is which transport's the source is, by what is in it.
func (s *Source) Kind() (string, error) {
	if s.has("manifest.json") {
		data, err := read(s.files, "manifest.json")
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(strings.TrimSpace(string(data)), "[") {
			return image.TransportDockerArchive, nil
		}
		return image.TransportDir, nil
	}
	if s.has(v1.ImageIndexFile) || s.has(v1.ImageLayoutFile) {
		return image.TransportOCI, nil
	}
	err := errs.Invalidf("%s: it has neither manifest.json (docker-archive, dir) nor index.json (oci)", s.name)
	if s.has("etc/passwd") || s.has("bin/sh") || s.has("usr/bin/sh") || s.has("etc/os-release") {
		err = errs.WithHint(err, "it looks like a root filesystem: rc import FILE NAME")
	}
	return "", err
}

// Images finds all images, each of them for one platform.
func (s *Source) Images(p spec.Platform) ([]Image, error) {
	kind, err := s.Kind()
	if err != nil {
		return nil, err
	}
	switch kind {
	case image.TransportDockerArchive:
		return s.docker("")
	case image.TransportDir:
		return s.dir(p)
	}
	return s.oci("", p)
}

// At finds the images that a location means: all of a docker-archive, or the one with its reference.
func At(ctx context.Context, l image.Location, p spec.Platform, tmp string) (*Source, []Image, error) {
	if _, err := os.Stat(l.Path); err != nil {
		return nil, nil, err
	}
	s, err := Open(ctx, l.Path, tmp)
	if err != nil {
		return nil, nil, err
	}
	images, err := s.at(l, p)
	if err != nil {
		return nil, nil, fmt.Errorf("%w%s", err, closed(s))
	}
	return s, images, nil
}

// closed closes what is of no use; an error of that is added to another's text.
func closed(s *Source) string {
	if err := s.Close(); err != nil {
		return " (" + err.Error() + ")"
	}
	return ""
}

func (s *Source) at(l image.Location, p spec.Platform) ([]Image, error) {
	switch l.Transport {
	case image.TransportDockerArchive:
		return s.docker(l.Ref)
	case image.TransportDir:
		images, err := s.dir(p)
		if err == nil {
			images[0].Names = pathName(l.Path)
		}
		return images, err
	}
	images, err := s.oci(l.Ref, p)
	if err == nil && len(images) > 1 {
		var have []string
		for _, i := range images {
			have = append(have, strings.Join(i.Names, ", "))
		}
		err = errs.WithHint(errs.Invalidf("there are %d images in it (%s)", len(images), strings.Join(have, "; ")), l.String()+":NAME, or rc load -i "+l.Path)
	}
	if err == nil && len(images[0].Names) == 0 {
		if l.Ref != "" {
			images[0].Names = refName(l.Ref)
		} else if l.Transport == image.TransportOCI {
			images[0].Names = pathName(l.Path)
		}
	}
	return images, err
}

// pathName is what podman calls an image from a directory: localhost/ and the path.
func pathName(path string) []string {
	n, err := index.ParseName("localhost/" + strings.Trim(path, "/"))
	if err != nil {
		return nil // a path that is no name
	}
	return []string{n.Tagged().String()}
}

// refName is the name that a reference of an OCI layout gives, which may be a bare tag.
func refName(ref string) []string {
	name, err := image.NewName(ref)
	if err != nil {
		return nil
	}
	return []string{name}
}

// archiveName is the full name of a RepoTags entry: docker writes its short names there.
func archiveName(tag string) (string, error) {
	n, err := index.ParseName(tag)
	if err != nil {
		return "", fmt.Errorf("archive: %w", err)
	}
	return n.Tagged().String(), nil
}

// layer is a blob among the files.
func (s *Source) layer(name string, d digest.Digest, size int64) (Layer, error) {
	f, err := s.open(name)
	if err != nil {
		return Layer{}, err
	}
	f.Close()
	if size >= 0 && f.size != size {
		return Layer{}, errs.Invalidf("archive member %q: it has %d bytes, the manifest says %d", name, f.size, size)
	}
	return Layer{Digest: d, Size: f.size, Open: func(context.Context) (io.ReadCloser, error) { return s.open(name) }}, nil
}
