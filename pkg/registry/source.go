package registry

import (
	"context"
	"io"

	digest "github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/types"

	"github.com/rc-containers/rc/pkg/errs"
)

// Source is one image of a registry. Close it.
type Source struct {
	c   *Client
	ref types.ImageReference
	src types.ImageSource
}

// Open finds the image, on a mirror where registries.conf has one.
func (c *Client) Open(ctx context.Context, name string) (*Source, error) {
	ref, err := parse(name)
	if err != nil {
		return nil, err
	}
	s := &Source{c: c, ref: ref}
	err = c.retry.Do(ctx, func() (err error) {
		ctx, cancel := answer(ctx)
		defer cancel()
		s.src, err = ref.NewImageSource(ctx, c.sys)
		return explain(ended(ctx, err), ref)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close releases connections.
func (s *Source) Close() error { return s.src.Close() }

// Manifest gives the manifest that the name stands for, or another one of the repository by its
// digest, and its media type. Where a digest is known, from the name or as an argument, it is verified.
func (s *Source) Manifest(ctx context.Context, instance digest.Digest) (data []byte, mediaType string, err error) {
	err = s.c.retry.Do(ctx, func() error {
		ctx, cancel := answer(ctx)
		defer cancel()
		// It caches, and compares with the digest.
		data, mediaType, err = image.UnparsedInstance(s.src, pointer(instance)).Manifest(ctx)
		return explain(ended(ctx, err), s.ref)
	})
	return data, mediaType, err
}

// Allowed asks policy.json whether the image may be used; instance is the manifest's digest if the name
// stands for a list.
func (s *Source) Allowed(ctx context.Context, instance digest.Digest) error {
	return allowed(ctx, s.c.sys, image.UnparsedInstance(s.src, pointer(instance)))
}

func pointer(d digest.Digest) *digest.Digest {
	if d == "" {
		return nil
	}
	return &d
}

// Blob begins to read a blob. The caller verifies it, and closes the reader. Connections
// that break in the middle are taken up again where they broke, if the registry can.
func (s *Source) Blob(ctx context.Context, d digest.Digest, size int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r, length, err := s.src.GetBlob(ctx, types.BlobInfo{Digest: d, Size: size}, none.NoCache)
	if err != nil {
		cancel(nil)
		return nil, explain(err, s.ref)
	}
	if size >= 0 && length >= 0 && length != size {
		cancel(nil)
		r.Close()
		return nil, errs.Invalidf("blob %s: the registry has %d bytes, the manifest says %d", d, length, size)
	}
	return s.body(ctx, cancel, r), nil
}

// Retry repeats what a small blob or a manifest needs, as the options say.
func (s *Source) Retry(ctx context.Context, do func() error) error { return s.c.retry.Do(ctx, do) }
