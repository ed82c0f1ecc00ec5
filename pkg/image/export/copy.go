package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/errs"
)

// Blobs is where Copy copies from: one repository.
type Blobs interface {
	Blob(ctx context.Context, d digest.Digest, size int64) (io.ReadCloser, error)
	Repository() string
}

// Copy copies the blobs that a manifest names from one repository to a destination, as they are: an image of a list that
// is in no store.
func Copy(ctx context.Context, from Blobs, data []byte, dest Destination, report Reporter) error {
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return errs.Invalidf("manifest: %w", err)
	}
	for _, b := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if err := b.Digest.Validate(); err != nil {
			return errs.Invalidf("digest %q: %w", b.Digest, err)
		}
		have, err := dest.Has(ctx, b.Digest, []string{from.Repository()})
		if err == nil && !have {
			report.Layer(b.Digest, b.Size, true)
			err = copyBlob(ctx, from, b, dest, report)
		}
		if err != nil {
			return fmt.Errorf("blob %.12s: %w", b.Digest.Encoded(), err)
		}
	}
	return nil
}

func copyBlob(ctx context.Context, from Blobs, b v1.Descriptor, dest Destination, report Reporter) error {
	return dest.Retry(ctx, func() error {
		r, err := from.Blob(ctx, b.Digest, b.Size)
		if err != nil {
			return err
		}
		defer r.Close()
		wrong := errs.Invalidf("%s sends other bytes than its digest says", from.Repository())
		_, err = dest.Put(ctx, &checked{r: report.Read(r), want: b.Digest, hash: b.Digest.Algorithm().Hash(), err: wrong}, b)
		return err
	})
}
