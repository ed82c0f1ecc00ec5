package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"

	digest "github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
)

// ErrRange says that the registry does not give the rest of a blob: begin at its start.
var ErrRange = errors.New("the registry does not give a part of a blob")

// BlobFrom is Blob behind the first offset bytes. Where the registry sends all of the blob, what was not
// asked for is thrown away.
func (s *Source) BlobFrom(ctx context.Context, d digest.Digest, size, offset int64) (io.ReadCloser, error) {
	if offset == 0 {
		return s.Blob(ctx, d, size)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := s.blobAt(ctx, d, size, uint64(offset))
	if err == nil {
		return s.body(ctx, cancel, r), nil
	}
	defer cancel(nil)
	switch status := statusCode(err); {
	case status == http.StatusRequestedRangeNotSatisfiable, status == http.StatusBadRequest,
		// An answer that the library makes no sense of.
		status == 0 && !worthwhile(err) && ctx.Err() == nil:
		return nil, fmt.Errorf("%w: %w", ErrRange, err)
	}
	return nil, explain(err, s.ref)
}

// blobAt calls the library's GetBlobAt. It is a public method with an internal type among its
// arguments, so that no interface can be written down that has it: go.podman.io/image/v5/internal/private.
// ImageSourceChunk, a struct of the uint64 Offset and Length, of which the greatest Length is "all the rest".
func (s *Source) blobAt(ctx context.Context, d digest.Digest, size int64, offset uint64) (io.ReadCloser, error) {
	method := reflect.ValueOf(s.src).MethodByName("GetBlobAt")
	if !method.IsValid() || method.Type().NumIn() != 3 || method.Type().In(2).Kind() != reflect.Slice {
		return nil, fmt.Errorf("%w: this source has no ranges", ErrRange)
	}
	chunks := reflect.MakeSlice(method.Type().In(2), 1, 1)
	chunks.Index(0).FieldByName("Offset").SetUint(offset)
	chunks.Index(0).FieldByName("Length").SetUint(math.MaxUint64)
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(types.BlobInfo{Digest: d, Size: size}), chunks})
	if err, _ := reflect.TypeAssert[error](out[2]); err != nil {
		return nil, err
	}
	streams, okStreams := reflect.TypeAssert[chan io.ReadCloser](out[0])
	failures, okFailures := reflect.TypeAssert[chan error](out[1])
	if !okStreams || !okFailures {
		return nil, fmt.Errorf("%w: this source has other ranges", ErrRange)
	}
	// One of them, then both are closed.
	select {
	case r := <-streams:
		if r != nil {
			return r, nil
		}
	case err := <-failures:
		if err != nil {
			return nil, err
		}
		if r := <-streams; r != nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: it gives nothing", ErrRange)
}
