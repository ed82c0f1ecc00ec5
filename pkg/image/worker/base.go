package worker

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/registry"
	"github.com/rc-containers/rc/pkg/store"
)

// Progress is told how far the pull of a build's base image is, by several goroutines.
type Progress interface {
	Line(format string, args ...any)
	Warn(format string, args ...any)
	// Bytes says how many bytes have arrived of how many; 0 is an unknown total.
	Bytes(current, total int64)
}

// Fetch brings an image into the store that the caller has open, from a registry or, with l, from elsewhere; it
// gives its id. What the policy in o says is for the caller to decide.
func Fetch(ctx context.Context, cfg *config.Config, s *store.Store, o image.PullOptions, l *image.Location, p Progress) (string, error) {
	r := &fetching{Progress: p}
	if l == nil {
		ids, err := pullInto(ctx, cfg, &lazyStore{cfg: cfg, opened: s}, o, r)
		if err != nil {
			return "", fmt.Errorf("pull %s: %w", o.Image, err)
		}
		return ids[0], nil
	}
	loaded, err := takeInto(ctx, cfg, s, image.TakeRequest{From: *l, Platform: o.Platform}, r)
	if err == nil && len(loaded) != 1 {
		err = errs.Invalidf("it has %d images: name one of them", len(loaded))
	}
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", *l, err)
	}
	return loaded[0].ID, nil
}

// Client talks to registries for a build.
func Client(cfg *config.Config, o image.Registry, warn func(format string, args ...any)) (*registry.Client, error) {
	return registry.New(clientOptions(cfg, o, warn))
}

// fetching tells Progress what a reporter is told.
type fetching struct {
	Progress
	current, total atomic.Int64
	unknown        atomic.Bool
}

func (f *fetching) Layer(b blob, fetch bool) {
	if fetch && b.Size < 0 {
		f.unknown.Store(true)
	}
	if fetch {
		f.total.Add(max(b.Size, 0))
	}
}

func (f *fetching) Resume(_ blob, n int64) { f.advance(n) }

func (f *fetching) Read(_ blob, r io.Reader) io.Reader { return passing{r, f} }

func (f *fetching) advance(n int64) {
	total := f.total.Load()
	if f.unknown.Load() {
		total = 0
	}
	f.Bytes(f.current.Add(n), total)
}

// passing tells how much has been read.
type passing struct {
	io.Reader
	f *fetching
}

func (p passing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 {
		p.f.advance(int64(n))
	}
	return n, err
}
