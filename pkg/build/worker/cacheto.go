package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/exchange"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/image/export"
	imageworker "github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/store"
)

// giveAway writes the build's steps to each --cache-to.
func (b *builder) giveAway(ctx context.Context, target *stage) error {
	for _, c := range b.o.CacheTo {
		t := b.begin("exporting cache to " + c.Ref)
		if err := t.end(b.giveTo(ctx, t, target, c), [2]int{}); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) giveTo(ctx context.Context, t *task, target *stage, c build.Cache) error {
	o := export.Options{Report: sending{t}}
	if c.Type == "local" {
		return b.give(ctx, target, c, exchange.Layout(c.Ref), o)
	}
	name, err := cacheName(c)
	if err != nil {
		return err
	}
	client, err := imageworker.Client(b.cfg, b.o.Pull.Registry, t.Warn)
	if err != nil {
		return err
	}
	dest, err := client.Destination(ctx, name)
	if err != nil {
		return err
	}
	defer dest.Close() //nolint:errcheck // it closes idle connections
	o.Repository, o.Origin = dest.Repository(), client.Origin
	return b.give(ctx, target, c, dest, o)
}

// give sends layers first, then which steps they are of, and the manifest last: a cache that is read meanwhile is the
// old one.
func (b *builder) give(ctx context.Context, target *stage, c build.Cache, dest export.Destination, o export.Options) error {
	records := b.chosen(target, c.Attrs["mode"] == "max")
	e := exchange.Config{Version: keyVersion, Steps: []exchange.Step{}}
	var layers []store.StoredLayer
	numbers := map[string]int{}
	for _, r := range records {
		n, have := numbers[r.Layer]
		if !have {
			l, err := b.store.Layer(r.Layer)
			if err != nil {
				return err
			}
			n = len(layers)
			numbers[r.Layer], layers = n, append(layers, l)
		}
		e.Steps = append(e.Steps, exchange.Step{Key: r.Key, Parent: r.Parent, DiffID: r.DiffID, Blob: n, Created: r.Created, Text: r.Text})
	}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, ArtifactType: exchange.ArtifactType, Layers: []v1.Descriptor{}}
	sent, err := export.SendLayers(ctx, b.store, layers, dest, o)
	if err != nil {
		return err
	}
	m.Layers = append(m.Layers, sent...)
	config, err := json.Marshal(e)
	if err != nil {
		return err
	}
	m.Config = v1.Descriptor{MediaType: exchange.ConfigType, Digest: digest.FromBytes(config), Size: int64(len(config))}
	err = dest.Retry(ctx, func() error {
		_, err := dest.Put(ctx, bytes.NewReader(config), m.Config)
		return err
	})
	if err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return dest.Manifest(ctx, data, "")
}

// chosen are the records of all steps, or of those that are in the image, in an order that is the same each time.
func (b *builder) chosen(target *stage, all bool) []*steps.Record {
	in := map[string]bool{}
	for _, l := range target.tree {
		in[l.ID] = true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*steps.Record
	for _, r := range b.records {
		if (all || in[r.Layer]) && !slices.ContainsFunc(out, func(o *steps.Record) bool { return o.Key == r.Key }) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *steps.Record) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// sending reports layers on their way out.
type sending struct{ t *task }

func (s sending) Layer(d digest.Digest, _ int64, send bool) {
	if send {
		s.t.Line("writing layer %s", d)
	}
}

func (s sending) Read(r io.Reader) io.Reader { return r }

func (s sending) Warn(format string, args ...any) { s.t.Warn(format, args...) }
