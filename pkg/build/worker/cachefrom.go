package worker

import (
	"context"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/exchange"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
	imageworker "github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// imports are the caches of --cache-from, which are read when the first step is not found here.
type imports struct {
	once  sync.Once
	found map[string]imported // by key; the first cache that has a step counts
	open  []exchange.Shelf
}

// imported is a step of another cache.
type imported struct {
	exchange.Step
	from  exchange.Shelf
	name  string
	layer v1.Descriptor
}

// read reads what the caches have. One that cannot be read is told of, and done without.
func (b *builder) readImports(ctx context.Context) {
	b.imports.found = map[string]imported{}
	for _, c := range b.o.CacheFrom {
		t := b.begin("importing cache manifest from " + c.Ref)
		err := b.readImport(ctx, c)
		if err != nil && ctx.Err() == nil {
			t.Warn("no steps are taken from %s: %v", c.Ref, err)
			err = nil // the step is done all the same
		}
		_ = t.end(err, [2]int{})
	}
}

func (b *builder) readImport(ctx context.Context, c build.Cache) error {
	from, err := b.openShelf(ctx, c)
	if err != nil {
		return err
	}
	b.imports.open = append(b.imports.open, from)
	all, layers, err := exchange.Open(ctx, from, keyVersion)
	for _, s := range all {
		if _, have := b.imports.found[s.Key]; !have {
			b.imports.found[s.Key] = imported{Step: s, from: from, name: c.Ref, layer: layers[s.Blob]}
		}
	}
	return err
}

// cacheName is the full name of a cache in a registry.
func cacheName(c build.Cache) (string, error) {
	n, err := index.ParseName(c.Ref)
	if err != nil {
		return "", err
	}
	return n.Tagged().String(), nil
}

// openShelf opens a cache to be read.
func (b *builder) openShelf(ctx context.Context, c build.Cache) (exchange.Shelf, error) {
	if c.Type == "local" {
		return exchange.Layout(c.Ref), nil
	}
	name, err := cacheName(c)
	if err != nil {
		return nil, err
	}
	client, err := imageworker.Client(b.cfg, b.o.Pull.Registry, b.warn)
	if err != nil {
		return nil, err
	}
	src, err := client.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return exchange.Registry{Source: src}, nil
}

func (i *imports) close() {
	for _, s := range i.open {
		s.Close()
	}
}

// fetched takes a step from another cache; nil is none. The caller has the step's lock.
func (w *work) fetched(ctx context.Context, key string) (*steps.Record, error) {
	b := w.stage.b
	if len(b.o.CacheFrom) == 0 || w.fresh() {
		return nil, nil
	}
	b.imports.once.Do(func() { b.readImports(ctx) })
	i, found := b.imports.found[key]
	if !found || i.Parent != w.stage.tree.top() {
		return nil, ctx.Err()
	}
	free, err := b.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	staged, err := w.fetch(ctx, i)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		w.task.Warn("the step is not taken from %s: %v", i.name, err)
		return nil, nil // it is done here
	}
	return w.commit(ctx, key, staged, i.Created)
}

// fetch stages the layer of another cache's step, which has to be what its record says.
func (w *work) fetch(ctx context.Context, i imported) (*store.Staged, error) {
	w.task.Line("taking the step from %s", i.name)
	r, err := i.from.Blob(ctx, i.layer)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	plain, err := compress.Reader(r)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	staged, err := w.stage.b.store.Stage(ctx, plain)
	if err != nil {
		return nil, err
	}
	if staged.DiffID.String() != i.DiffID {
		staged.Discard()
		return nil, errs.Invalidf("layer %s: its uncompressed digest is %s, not %s", i.layer.Digest, staged.DiffID, i.DiffID)
	}
	return staged, nil
}

// recorded keeps in mind which steps the build has, for --cache-to.
func (b *builder) recorded(r *steps.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, r)
}
