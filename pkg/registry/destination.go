package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/pkg/blobinfocache/memory"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/types"

	"github.com/rc-containers/rc/pkg/errs"
)

// Destination is one name in a registry, to be pushed to. Its methods may be called side by side. Close it.
type Destination struct {
	c    *Client
	ref  types.ImageReference
	dest types.ImageDestination
}

// Destination begins a push. Nothing is sent before the first call of its methods.
func (c *Client) Destination(ctx context.Context, name string) (*Destination, error) {
	ref, err := parse(name)
	if err != nil {
		return nil, err
	}
	d := &Destination{c: c, ref: ref}
	if d.dest, err = ref.NewImageDestination(ctx, c.sys); err != nil {
		return nil, d.explain(err)
	}
	return d, nil
}

// Close releases connections.
func (d *Destination) Close() error { return d.dest.Close() }

// Repository is the name without tag and digest.
func (d *Destination) Repository() string { return d.ref.DockerReference().Name() }

// Repository is the name without tag and digest.
func (s *Source) Repository() string { return s.ref.DockerReference().Name() }

// explain adds which repository did not take what was sent, and the way out.
func (d *Destination) explain(err error) error {
	return explainPush(explain(err, d.ref), d.ref)
}

// Has says whether the repository has a blob. One that is in another repository of the registry is
// mounted: at names those that may have it.
func (d *Destination) Has(ctx context.Context, blob digest.Digest, at []string) (bool, error) {
	have := false
	err := d.c.retry.Do(ctx, func() (err error) {
		have, _, err = d.dest.TryReusingBlob(ctx, types.BlobInfo{Digest: blob, Size: -1}, d.places(blob, at), false)
		return d.explain(err)
	})
	return have, err
}

// Put sends a blob; it gives its digest and size. A reader that ends with an error leaves nothing in the registry,
// and is the error's cause.
func (d *Destination) Put(ctx context.Context, r io.Reader, want v1.Descriptor) (v1.Descriptor, error) {
	own := &failing{r: r}
	// The digest is not told: the library would ask once more whether the blob is there.
	info, err := d.dest.PutBlob(ctx, own, types.BlobInfo{Size: -1, MediaType: want.MediaType}, none.NoCache, false)
	if own.err != nil {
		return want, own.err
	}
	if err != nil {
		return want, d.explain(err)
	}
	want.Digest, want.Size = info.Digest, info.Size
	return want, nil
}

// failing keeps the error of a reader: on its way through the HTTP client it loses its kind.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// Manifest sends the manifest that the name shall stand for; with an instance's digest, one that a list will name.
func (d *Destination) Manifest(ctx context.Context, data []byte, instance digest.Digest) error {
	return d.c.retry.Do(ctx, func() error {
		return d.explain(d.dest.PutManifest(ctx, data, pointer(instance)))
	})
}

// Retry repeats what failed by accident, as the options say.
func (d *Destination) Retry(ctx context.Context, do func() error) error { return d.c.retry.Do(ctx, do) }

// places is a cache that knows in which repositories of this registry one blob may be.
func (d *Destination) places(blob digest.Digest, at []string) types.BlobInfoCache {
	cache := memory.New()
	scope := types.BICTransportScope{Opaque: reference.Domain(d.ref.DockerReference())}
	for _, repository := range at {
		named, err := reference.ParseNormalizedNamed(repository)
		if err != nil || reference.Domain(named) != scope.Opaque {
			continue
		}
		// What is opaque to callers is the repository's full name (image/v5/docker/cache.go).
		cache.RecordKnownLocation(docker.Transport, scope, blob, types.BICLocationReference{Opaque: named.Name()})
	}
	// The library mounts only blobs of which it knows the compression, whichever that is; it keeps the type
	// of what tells it to itself. Without this, blobs are sent that could be mounted, and that is all.
	record := reflect.ValueOf(cache).MethodByName("RecordDigestCompressorData")
	if !record.IsValid() || record.Type().NumIn() != 2 {
		return cache
	}
	data := reflect.New(record.Type().In(1)).Elem()
	for _, field := range []struct{ name, value string }{{"BaseVariantCompressor", "gzip"}, {"SpecificVariantCompressor", "unknown"}} {
		if f := data.FieldByName(field.name); f.IsValid() && f.Kind() == reflect.String {
			f.SetString(field.value)
		}
	}
	record.Call([]reflect.Value{reflect.ValueOf(blob), data})
	return cache
}

// explainPush turns "not found" and "denied" into what they mean to who sends.
func explainPush(err error, ref types.ImageReference) error {
	if err == nil {
		return nil
	}
	named := ref.DockerReference()
	host := reference.Domain(named)
	switch statusCode(err) {
	case http.StatusUnauthorized, http.StatusForbidden:
		return errs.WithHint(fmt.Errorf("%s does not let you push to %s: %w", host, reference.Path(named), err),
			fmt.Sprintf("rc login %s, or --creds USER:PASSWORD; and does the repository exist, and is it yours?", host))
	case http.StatusRequestEntityTooLarge:
		return errs.WithHint(err, fmt.Sprintf("a proxy in front of %s limits the size of uploads", host))
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return errs.WithHint(err, fmt.Sprintf("does %s exist, and does %s take uploads? A mirror does not", named.Name(), host))
	}
	return err
}

// Origin opens a blob of an image in a repository, for a push elsewhere. It asks once.
func (c *Client) Origin(ctx context.Context, repository string, manifest digest.Digest, blob v1.Descriptor) (io.ReadCloser, error) {
	once := *c
	once.retry = Retry{Notify: c.retry.Notify}
	if c.sys.DockerAuthConfig != nil {
		// --creds are the destination's.
		sys := *c.sys
		sys.DockerAuthConfig = nil
		once.sys = &sys
	}
	src, err := once.Open(ctx, repository+"@"+manifest.String())
	if err != nil {
		return nil, err
	}
	r, err := src.Blob(ctx, blob.Digest, blob.Size)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return &lastBlob{r, src}, nil
}

// lastBlob closes the source with its only blob.
type lastBlob struct {
	io.ReadCloser
	src *Source
}

func (l *lastBlob) Close() error {
	return errors.Join(l.ReadCloser.Close(), l.src.Close())
}
