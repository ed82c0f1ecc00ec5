package worker

import (
	"context"
	"io"

	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/export"
	"github.com/rc-containers/rc/pkg/registry"
	"github.com/rc-containers/rc/pkg/store"
)

// push sends one image to a registry, or to another place.
func push(ctx context.Context, cfg *config.Config, s *store.Store, o image.PushOptions) (image.Pushed, error) {
	report := newReport(o.Quiet)
	defer report.Close()
	if o.To.Transport != image.TransportRegistry {
		return pushToFile(ctx, cfg, s, o, report)
	}
	e := export.Options{Type: o.Type, Format: compress.Format(o.Pack), Level: o.Level, Report: sending{report}}
	client, err := registry.New(clientOptions(cfg, o.Registry, report.Warn))
	if err != nil {
		return image.Pushed{}, err
	}
	dest, err := client.Destination(ctx, o.To.Ref)
	if err != nil {
		return image.Pushed{}, err
	}
	defer dest.Close() //nolint:errcheck // it closes idle connections
	e.Repository, e.Origin = dest.Repository(), client.Origin
	sent, err := export.Send(ctx, s, o.ID, dest, e)
	if err != nil {
		return image.Pushed{}, err
	}
	report.Line("Writing manifest to image destination")
	if err := dest.Manifest(ctx, sent.Manifest, ""); err != nil {
		return image.Pushed{}, err
	}
	report.Line("Pushed %s@%s", dest.Repository(), sent.Digest)
	return image.Pushed{To: o.To.String(), Digest: sent.Digest.String()}, nil
}

// sending reports layers on their way out.
type sending struct{ r *report }

func (s sending) Layer(d digest.Digest, size int64, send bool) {
	s.r.Layer(blob{Digest: d, Size: size}, send)
}

func (s sending) Read(r io.Reader) io.Reader { return s.r.Read(blob{}, r) }

func (s sending) Warn(format string, args ...any) { s.r.Warn(format, args...) }

var _ export.Destination = (*registry.Destination)(nil)
