package worker

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/transport"
	"github.com/rc-containers/rc/pkg/store"
)

// take adds the images of an archive, a directory or podman's store.
func take(ctx context.Context, cfg *config.Config, s *store.Store, o image.TakeRequest) ([]image.Loaded, error) {
	report := newReport(o.Quiet)
	defer report.Close()
	return takeInto(ctx, cfg, s, o, report)
}

func takeInto(ctx context.Context, cfg *config.Config, s *store.Store, o image.TakeRequest, report reporter) ([]image.Loaded, error) {
	var images []transport.Image
	if o.From.Transport == image.TransportStorage {
		other, err := transport.OpenStorage(o.From.Path)
		if err != nil {
			return nil, err
		}
		one, err := other.Image(o.From.Ref)
		if err != nil {
			return nil, err
		}
		images = []transport.Image{*one}
	} else {
		source, found, err := transport.At(ctx, o.From, o.Platform, cfg.TmpDir)
		if err != nil {
			return nil, err
		}
		defer source.Close() //nolint:errcheck // it was read only
		images = found
	}
	return addAll(ctx, cfg, s, images, report)
}

// addAll adds images; it gives those that it came to.
func addAll(ctx context.Context, cfg *config.Config, s *store.Store, images []transport.Image, report reporter) ([]image.Loaded, error) {
	var loaded []image.Loaded
	for _, i := range images {
		id, err := add(ctx, cfg, s, from(i), report)
		if err != nil {
			return loaded, err
		}
		loaded = append(loaded, image.Loaded{ID: id, Names: i.Names})
	}
	return loaded, nil
}

// from makes an image of a file or a directory ready to be added.
func from(i transport.Image) *found {
	f := &found{config: i.Config, manifest: i.Manifest, list: i.List, names: i.Names}
	for _, l := range i.Layers {
		f.layers = append(f.layers, blob{Digest: l.Digest, Size: l.Size, Open: l.Open})
	}
	return f
}
