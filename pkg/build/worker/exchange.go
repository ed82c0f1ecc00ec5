package worker

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
	"time"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
	imageworker "github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
)

// What --cache-to writes is an OCI image manifest: its layers are those of steps, as images have them, its configuration
// says which step each is of (exchanged). In a registry it has the name that was given, in a directory, which is an
// OCI image layout, it is the one in index.json. BuildKit's own format is another one: its keys are of its own graph.
const (
	cacheArtifact = "application/vnd.rc.buildcache.v1"
	cacheConfig   = "application/vnd.rc.buildcache.config.v1+json"
	// maxCacheConfig bounds what is read, in bytes.
	maxCacheConfig = 32 << 20
)

// exchanged is the configuration.
type exchanged struct {
	Version int             `json:"version"` // keyVersion: keys of another one mean nothing
	Steps   []exchangedStep `json:"steps"`
}

// exchangedStep is a finished step: Blob is the number of its layer in the manifest.
type exchangedStep struct {
	Key     string    `json:"key"`
	Parent  string    `json:"parent,omitempty"`
	DiffID  string    `json:"diffID"`
	Blob    int       `json:"blob"`
	Created time.Time `json:"created"`
	Text    string    `json:"text"`
}

// shelf is where --cache-from reads.
type shelf interface {
	// manifest reads the manifest, blob opens one of its blobs.
	manifest(ctx context.Context) ([]byte, error)
	blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	close()
}

// cacheName is the full name of a cache in a registry.
func cacheName(c build.Cache) (string, error) {
	n, err := index.ParseName(c.Ref)
	if err != nil {
		return "", err
	}
	return n.Tagged().String(), nil
}

// openShelf opens a cache to be read.
func (b *builder) openShelf(ctx context.Context, c build.Cache) (shelf, error) {
	if c.Type == "local" {
		return layout(c.Ref), nil
	}
	name, err := cacheName(c)
	if err != nil {
		return nil, err
	}
	client, err := imageworker.Client(b.cfg, b.o.Pull.Registry, b.warn)
	if err != nil {
		return nil, err
	}
	src, err := client.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return &registryShelf{src: src}, nil
}

// registrySource is what is needed of package registry's Source.
type registrySource interface {
	Manifest(ctx context.Context, instance digest.Digest) (data []byte, mediaType string, err error)
	Allowed(ctx context.Context, instance digest.Digest) error
	Blob(ctx context.Context, d digest.Digest, size int64) (io.ReadCloser, error)
	Close() error
}

type registryShelf struct{ src registrySource }

func (r *registryShelf) manifest(ctx context.Context) ([]byte, error) {
	data, _, err := r.src.Manifest(ctx, "")
	if err == nil {
		err = r.src.Allowed(ctx, "")
	}
	return data, err
}

func (r *registryShelf) blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return r.src.Blob(ctx, d.Digest, d.Size)
}

func (r *registryShelf) close() { _ = r.src.Close() } // it closes idle connections

// layout is a directory that is an OCI image layout.
type layout string

func (l layout) path(d digest.Digest) string {
	return filepath.Join(string(l), "blobs", d.Algorithm().String(), d.Encoded())
}

func (l layout) close() {}

func (l layout) manifest(context.Context) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(string(l), v1.ImageIndexFile))
	if err != nil {
		return nil, err
	}
	var ix v1.Index
	if err := json.Unmarshal(data, &ix); err != nil {
		return nil, errs.Invalidf("%s: %w", v1.ImageIndexFile, err)
	}
	for _, m := range ix.Manifests {
		if m.ArtifactType != cacheArtifact {
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

func (l layout) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, errs.Invalidf("digest %q: %w", d.Digest, err)
	}
	return os.Open(l.path(d.Digest))
}

// The rest makes layout an export.Destination.

// Has says whether a blob is there.
func (l layout) Has(_ context.Context, d digest.Digest, _ []string) (bool, error) {
	_, err := os.Stat(l.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Put writes a blob.
func (l layout) Put(_ context.Context, r io.Reader, want v1.Descriptor) (v1.Descriptor, error) {
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
func (l layout) Manifest(ctx context.Context, data []byte, _ digest.Digest) error {
	d, err := l.Put(ctx, bytes.NewReader(data), v1.Descriptor{MediaType: v1.MediaTypeImageManifest, ArtifactType: cacheArtifact})
	if err != nil {
		return err
	}
	ix := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	path := filepath.Join(string(l), v1.ImageIndexFile)
	if old, err := os.ReadFile(path); err == nil {
		var was v1.Index
		if json.Unmarshal(old, &was) == nil {
			for _, m := range was.Manifests {
				if m.ArtifactType != cacheArtifact {
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
func (l layout) Retry(_ context.Context, do func() error) error { return do() }
