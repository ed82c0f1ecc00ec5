package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Layout is a directory that is an OCI image layout. It is a Shelf, and takes what is exported.
type Layout string

func (l Layout) path(d digest.Digest) string {
	return filepath.Join(string(l), "blobs", d.Algorithm().String(), d.Encoded())
}

// Close has nothing to close.
func (l Layout) Close() {}

// Read reads the manifest.
func (l Layout) Read(context.Context) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(l), v1.ImageIndexFile))
	if err != nil {
		return nil, err
	}
	var ix v1.Index
	if err := json.Unmarshal(data, &ix); err != nil {
		return nil, errs.Invalidf("%s: %w", v1.ImageIndexFile, err)
	}
	for _, m := range ix.Manifests {
		if m.ArtifactType != ArtifactType {
			continue
		}
		if err := m.Digest.Validate(); err != nil {
			return nil, errs.Invalidf("digest %q: %w", m.Digest, err)
		}
		data, err := os.ReadFile(l.path(m.Digest))
		if err == nil && m.Digest.Algorithm().FromBytes(data) != m.Digest {
			err = errs.Invalidf("manifest %s is damaged", m.Digest)
		}
		return data, err
	}
	return nil, fmt.Errorf("a build cache of rc's: %w", errs.ErrNotFound)
}

// Blob opens a blob.
func (l Layout) Blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, errs.Invalidf("digest %q: %w", d.Digest, err)
	}
	return os.Open(l.path(d.Digest))
}

// The rest makes Layout a destination of package image/export.

// Has says whether a blob is there.
func (l Layout) Has(_ context.Context, d digest.Digest, _ []string) (bool, error) {
	_, err := os.Stat(l.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Put writes a blob.
func (l Layout) Put(_ context.Context, r io.Reader, want v1.Descriptor) (v1.Descriptor, error) {
	dir := filepath.Join(string(l), "blobs", digest.Canonical.String())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return want, err
	}
	f, err := os.CreateTemp(dir, ".blob-")
	if err != nil {
		return want, err
	}
	d := digest.Canonical.Digester()
	n, err := io.Copy(io.MultiWriter(f, d.Hash()), r)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		want.Digest, want.Size = d.Digest(), n
		err = os.Rename(f.Name(), l.path(want.Digest))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the other error says what is wrong
	}
	return want, err
}

// Manifest makes the directory stand for this one, beside others that are not a build cache of rc's.
func (l Layout) Manifest(ctx context.Context, data []byte, _ digest.Digest) error {
	d, err := l.Put(ctx, bytes.NewReader(data), v1.Descriptor{MediaType: v1.MediaTypeImageManifest, ArtifactType: ArtifactType})
	if err != nil {
		return err
	}
	ix := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	path := filepath.Join(string(l), v1.ImageIndexFile)
	if old, err := os.ReadFile(path); err == nil {
		var was v1.Index
		if json.Unmarshal(old, &was) == nil {
			for _, m := range was.Manifests {
				if m.ArtifactType != ArtifactType {
					ix.Manifests = append(ix.Manifests, m)
				}
			}
		}
	}
	ix.Manifests = append(ix.Manifests, d)
	text, err := json.Marshal(ix)
	if err == nil {
		err = linux.ReplaceFile(filepath.Join(string(l), v1.ImageLayoutFile), []byte(`{"imageLayoutVersion":"`+v1.ImageLayoutVersion+`"}`))
	}
	if err != nil {
		return err
	}
	return linux.ReplaceFile(path, text)
}

// Retry does it once: a disk does not change its mind.
func (l Layout) Retry(_ context.Context, do func() error) error { return do() }
