package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	digest "github.com/opencontainers/go-digest"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/transport"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// found is an image in an archive or a registry, ready to be added.
type found struct {
	config, manifest []byte
	list             digest.Digest
	layers           []blob
	names            []string
	// origin is the repository of a registry that the layers are from.
	origin string
}

// load adds every image of an archive.
func load(ctx context.Context, cfg *config.Config, s *store.Store, o image.LoadOptions) ([]image.Loaded, error) {
	source, err := transport.Open(ctx, o.Input, cfg.TmpDir)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	defer source.Close() //nolint:errcheck // it was read only
	images, err := source.Images(o.Platform)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	report := newReport(o.Quiet)
	defer report.Close()
	loaded, err := addAll(ctx, cfg, s, images, report)
	if err != nil {
		err = fmt.Errorf("load: %w", err)
	}
	return loaded, err
}

// attempts is how often an image is begun anew when rmi deletes its layers meanwhile.
const attempts = 3

// add brings a found image into the store.
func add(ctx context.Context, cfg *config.Config, s *store.Store, f *found, report reporter) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	a := &adder{cfg: cfg, store: s, report: report}
	var h heads
	layers := h.keep(f.layers)
	var err error
	for range attempts {
		var top, id string
		if top, err = a.layers(ctx, layers); err == nil {
			h.learn(ctx, s, f, report)
			id, err = record(ctx, cfg, s, store.NewImage{Config: f.config, Manifest: f.manifest, ListDigest: f.list, TopLayer: top, Names: f.names})
			if err == nil {
				return id, nil
			}
		}
		if !errors.Is(err, store.ErrGone) {
			return "", err
		}
	}
	return "", err
}

// record adds an image while nobody removes any: rmi decides by what it saw when it began.
func record(ctx context.Context, cfg *config.Config, s *store.Store, n store.NewImage) (string, error) {
	if err := s.SyncTo(ctx, n.TopLayer); err != nil { // it may take time: without the lock
		return "", err
	}
	lock, err := index.Hold(ctx, cfg, true)
	if err != nil {
		return "", err
	}
	defer lock.Release()
	return s.AddImage(ctx, n)
}

// check fills the layers' diff ids in from the configuration, and says whether the image can be run at all.
func (f *found) check() error {
	var c store.ImageConfig
	if err := json.Unmarshal(f.config, &c); err != nil {
		return errs.Invalidf("image configuration: %w", err)
	}
	if c.RootFS.Type != "" && c.RootFS.Type != "layers" {
		return errs.Unsupportedf("image configuration: root filesystems of type %q are unknown", c.RootFS.Type)
	}
	if len(c.RootFS.DiffIDs) != len(f.layers) {
		return errs.Invalidf("image configuration: it names %d layers, the manifest %d", len(c.RootFS.DiffIDs), len(f.layers))
	}
	for i, d := range c.RootFS.DiffIDs {
		f.layers[i].DiffID = d
	}
	return nil
}
