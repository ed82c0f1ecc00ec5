package exchange

import (
	"context"
	"encoding/json"
	"io"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
)

// Types of the manifest and of its configuration.
const (
	ArtifactType = "application/vnd.rc.buildcache.v1"
	ConfigType   = "application/vnd.rc.buildcache.config.v1+json"
)

// maxConfig bounds what is read, in bytes.
const maxConfig = 32 << 20

// Config is the configuration.
type Config struct {
	Version int    `json:"version"` // of keys: those of another one mean nothing
	Steps   []Step `json:"steps"`
}

// Step is a finished step: Blob is the number of its layer in the manifest.
type Step struct {
	Key     string    `json:"key"`
	Parent  string    `json:"parent,omitempty"`
	DiffID  string    `json:"diffID"`
	Blob    int       `json:"blob"`
	Created time.Time `json:"created"`
	Text    string    `json:"text"`
}

// Shelf is where a cache is read from. Close it.
type Shelf interface {
	// Read reads the manifest, Blob opens one of its blobs.
	Read(ctx context.Context) ([]byte, error)
	Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	Close()
}

// RegistrySource is what is needed of package registry's Source.
type RegistrySource interface {
	Manifest(ctx context.Context, instance digest.Digest) (data []byte, mediaType string, err error)
	Allowed(ctx context.Context, instance digest.Digest) error
	Blob(ctx context.Context, d digest.Digest, size int64) (io.ReadCloser, error)
	Close() error
}

// Registry is a cache in a registry.
type Registry struct{ Source RegistrySource }

// Read reads the manifest, if the policy allows to use what the registry has.
func (r Registry) Read(ctx context.Context) ([]byte, error) {
	data, _, err := r.Source.Manifest(ctx, "")
	if err == nil {
		err = r.Source.Allowed(ctx, "")
	}
	return data, err
}

// Blob opens a blob.
func (r Registry) Blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	return r.Source.Blob(ctx, d.Digest, d.Size)
}

// Close ends connections.
func (r Registry) Close() { _ = r.Source.Close() } // it was only read

// Open reads what a shelf has: steps of that version of keys, and the layers that they number.
func Open(ctx context.Context, from Shelf, version int) ([]Step, []v1.Descriptor, error) {
	data, err := from.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, nil, errs.Invalidf("manifest: %w", err)
	}
	if m.Config.MediaType != ConfigType || m.Config.Size > maxConfig {
		return nil, nil, errs.Unsupportedf("it is no build cache of rc's: its configuration is of type %q, %d bytes", m.Config.MediaType, m.Config.Size)
	}
	if err := m.Config.Digest.Validate(); err != nil {
		return nil, nil, errs.Invalidf("configuration: digest %q: %w", m.Config.Digest, err)
	}
	r, err := from.Blob(ctx, m.Config)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if data, err = io.ReadAll(io.LimitReader(r, maxConfig)); err != nil {
		return nil, nil, err
	}
	if m.Config.Digest.Algorithm().FromBytes(data) != m.Config.Digest {
		return nil, nil, errs.Invalidf("its configuration is damaged: want digest %s", m.Config.Digest)
	}
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, nil, errs.Invalidf("configuration: %w", err)
	}
	if c.Version != version {
		return nil, nil, errs.Unsupportedf("it is of version %d, not %d", c.Version, version)
	}
	var steps []Step
	for _, s := range c.Steps {
		if s.Blob >= 0 && s.Blob < len(m.Layers) {
			steps = append(steps, s)
		}
	}
	return steps, m.Layers, nil
}
