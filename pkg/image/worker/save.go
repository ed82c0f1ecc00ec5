package worker

import (
	"context"
	"fmt"
	"os"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/image/export"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/image/transport"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// save writes images to an archive or a directory.
func save(ctx context.Context, cfg *config.Config, s *store.Store, o image.SaveOptions) (struct{}, error) {
	report := newReport(o.Quiet)
	defer report.Close()
	to := image.Location{Transport: o.Format, Path: o.Output}
	e := export.Options{Exact: true, Report: sending{report}}
	switch o.Format {
	case "docker-archive":
		e.Plain = true
	case "oci-archive":
		e.Type, e.Plain = manifest.OCI, o.Plain
	case "docker-dir":
		to.Transport, e.Type, e.Plain = image.TransportDir, manifest.Docker, !o.Compress
	case "oci-dir":
		to.Transport, e.Type, e.Plain = image.TransportDir, manifest.OCI, !o.Compress
	}
	w, err := transport.Create(to, os.Stdout, cfg.TmpDir)
	if err != nil {
		return struct{}{}, err
	}
	defer w.Close()
	for _, i := range o.Images {
		w.Begin(i.Names)
		if err := write(ctx, s, i.ID, w, e); err != nil {
			return struct{}{}, err
		}
	}
	return struct{}{}, w.Commit()
}

// write sends an image and its manifest to a file or a directory.
func write(ctx context.Context, s *store.Store, id string, w *transport.Writer, e export.Options) error {
	sent, err := export.Send(ctx, s, id, w, e)
	if err == nil {
		err = w.Manifest(ctx, sent.Manifest, "")
	}
	if err != nil {
		return fmt.Errorf("image %.12s: %w", id, err)
	}
	return nil
}

// pushToFile is a push without a registry.
func pushToFile(ctx context.Context, cfg *config.Config, s *store.Store, o image.PushOptions, report *report) (image.Pushed, error) {
	e := export.Options{Type: o.Type, Format: compress.Format(o.Pack), Level: o.Level, Exact: true, Report: sending{report}}
	names := []string{o.To.Ref}
	if o.To.Ref == "" {
		names = nil
		if o.Name != "" {
			names = []string{o.Name}
		}
	}
	switch o.To.Transport {
	case image.TransportDockerArchive:
		e.Plain = true
		if o.To.Ref != "" {
			// As podman does: a short name is docker.io's here, so that docker load makes it a short one.
			n, err := index.ParseName(o.To.Ref)
			if err != nil {
				return image.Pushed{}, err
			}
			names = []string{n.Tagged().String()}
		}
	case image.TransportDir:
		e.Plain = !o.Compress && o.Pack == ""
	default:
		e.Type = manifest.OCI
	}
	w, err := transport.Create(o.To, nil, cfg.TmpDir)
	if err != nil {
		return image.Pushed{}, err
	}
	defer w.Close()
	w.Begin(names)
	sent, err := export.Send(ctx, s, o.ID, w, e)
	if err == nil {
		err = w.Manifest(ctx, sent.Manifest, "")
	}
	if err == nil {
		err = w.Commit()
	}
	if err != nil {
		return image.Pushed{}, err
	}
	report.Line("Pushed %s", o.To)
	return image.Pushed{To: o.To.String(), Digest: sent.Digest.String()}, nil
}
