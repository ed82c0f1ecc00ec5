package worker

import (
	"context"
	"encoding/json"
	"fmt"

	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/export"
	"github.com/rc-containers/rc/pkg/image/transport"
	"github.com/rc-containers/rc/pkg/registry"
	"github.com/rc-containers/rc/pkg/store"
)

// pushList sends the images of a list, then the list. Images of the store may get another digest on their way,
// which the list then has.
func pushList(ctx context.Context, cfg *config.Config, s *store.Store, o image.ListPush) (image.Pushed, error) {
	report := newReport(o.Quiet)
	defer report.Close()
	client, err := registry.New(clientOptions(cfg, o.Registry, report.Warn))
	if err != nil {
		return image.Pushed{}, err
	}
	p := &listPusher{store: s, client: client, o: o, report: report}
	if o.To.Transport == image.TransportRegistry {
		dest, err := client.Destination(ctx, o.To.Ref)
		if err != nil {
			return image.Pushed{}, err
		}
		defer dest.Close() //nolint:errcheck // it closes idle connections
		p.dest, p.repository = dest, dest.Repository()
		return p.push(ctx)
	}
	if o.Bare {
		return image.Pushed{}, errs.Invalidf("%s: a list without its images is for registries, which have them", o.To)
	}
	w, err := transport.Create(o.To, nil, cfg.TmpDir)
	if err != nil {
		return image.Pushed{}, err
	}
	defer w.Close()
	if o.To.Ref != "" {
		w.Begin([]string{o.To.Ref})
	}
	p.dest = w
	pushed, err := p.push(ctx)
	if err == nil {
		err = w.Commit()
	}
	return pushed, err
}

type listPusher struct {
	store      *store.Store
	client     *registry.Client
	o          image.ListPush
	report     *report
	dest       export.Destination
	repository string
}

func (p *listPusher) push(ctx context.Context) (image.Pushed, error) {
	for n := range p.o.Instances {
		if p.o.Bare {
			break
		}
		i := &p.o.Instances[n]
		p.report.Line("Copying image %d of %d, %s", n+1, len(p.o.Instances), i.Digest)
		if err := p.instance(ctx, i); err != nil {
			return image.Pushed{}, fmt.Errorf("image %.19s: %w", i.Digest, err)
		}
	}
	data, err := image.ListJSON(p.o.Type, p.o.Instances, p.o.Annotations)
	if err != nil {
		return image.Pushed{}, err
	}
	p.report.Line("Writing manifest list to image destination")
	if err := p.dest.Manifest(ctx, data, ""); err != nil {
		return image.Pushed{}, err
	}
	return image.Pushed{To: p.o.To.String(), Digest: digest.FromBytes(data).String()}, nil
}

// instance sends one image.
func (p *listPusher) instance(ctx context.Context, i *image.Instance) error {
	if i.ID == "" {
		return p.remote(ctx, i)
	}
	sent, err := export.Send(ctx, p.store, i.ID, p.dest, export.Options{
		Type: p.o.Type, Format: compress.Format(p.o.Pack), Level: p.o.Level, Exact: p.repository == "",
		Repository: p.repository, Origin: p.client.Origin, Report: sending{p.report},
	})
	if err != nil {
		return err
	}
	var m struct {
		MediaType string `json:"mediaType"`
	}
	if err := json.Unmarshal(sent.Manifest, &m); err != nil {
		return err
	}
	if m.MediaType != "" {
		i.MediaType = m.MediaType
	}
	i.Digest, i.Size = sent.Digest.String(), int64(len(sent.Manifest))
	return p.dest.Manifest(ctx, sent.Manifest, sent.Digest)
}

// remote copies one from the registry that it is in.
func (p *listPusher) remote(ctx context.Context, i *image.Instance) error {
	src, err := p.client.Open(ctx, i.Repository+"@"+i.Digest)
	if err != nil {
		return err
	}
	defer src.Close() //nolint:errcheck // it closes idle connections
	data, _, err := src.Manifest(ctx, "")
	if err != nil {
		return err
	}
	if err := export.Copy(ctx, src, data, p.dest, sending{p.report}); err != nil {
		return err
	}
	return p.dest.Manifest(ctx, data, digest.Digest(i.Digest))
}
