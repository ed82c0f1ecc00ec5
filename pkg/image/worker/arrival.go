package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/registry"
	"github.com/rc-containers/rc/pkg/store"
)

// keepFrom is the smallest blob of which it is worth to keep what has arrived.
const keepFrom = 256 << 10

// arrival is a layer on its way: what an earlier attempt, or a process that was killed, has kept of
// it, and behind that what the registry sends, which is kept in turn until the layer is in the store.
type arrival struct {
	adder *adder
	blob  blob
	part  *store.Part // nil: nothing is kept
	// resumed says that the bytes of the last attempt began with kept ones.
	resumed bool
}

// open begins to read, from the first byte on.
func (in *arrival) open(ctx context.Context) (io.ReadCloser, error) {
	b := in.blob
	in.resumed = false
	if in.part == nil && b.From != nil && b.Size >= keepFrom {
		var err error
		if in.part, err = in.adder.store.OpenPart(b.Digest); err != nil {
			// The layer may be good without.
			slog.Debug("nothing of a layer is kept", "layer", b.Digest, "why", err)
		}
	}
	if in.part == nil {
		r, err := b.Open(ctx)
		if err != nil {
			return nil, err
		}
		return reading{in.adder.report.Read(b, r), r}, nil
	}
	rest, err := in.rest(ctx)
	if err != nil {
		return nil, err
	}
	kept := in.part.Size()
	if in.resumed = kept > 0; in.resumed {
		in.adder.report.Resume(b, kept)
	}
	if rest == nil {
		return io.NopCloser(in.part.Reader()), nil
	}
	return reading{io.MultiReader(in.part.Reader(), io.TeeReader(in.adder.report.Read(b, rest), in.part)), rest}, nil
}

// rest is what the registry has behind the kept bytes; nil if there is nothing behind them.
func (in *arrival) rest(ctx context.Context) (io.ReadCloser, error) {
	if in.part.Size() > in.blob.Size {
		if err := in.part.Empty(); err != nil {
			return nil, err
		}
	}
	if in.part.Size() == in.blob.Size {
		return nil, nil
	}
	rest, err := in.blob.From(ctx, in.part.Size())
	if errors.Is(err, registry.ErrRange) {
		if err := in.part.Empty(); err != nil {
			return nil, err
		}
		return in.blob.From(ctx, 0)
	}
	return rest, err
}

// restart forgets what was kept, if the last attempt has used any: true says that another one
// may go better.
func (in *arrival) restart() bool {
	return in.resumed && in.part.Empty() == nil
}

// close keeps what has arrived for the next attempt, unless the layer is in the store, the bytes
// are no good, or the disk is full.
func (in *arrival) close(err error) {
	switch {
	case in.part == nil:
	case err == nil, errors.Is(err, errs.ErrInvalid), errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		in.part.Drop()
	default:
		in.part.Close()
	}
}

// reading reads from one and closes the other.
type reading struct {
	io.Reader
	io.Closer
}
