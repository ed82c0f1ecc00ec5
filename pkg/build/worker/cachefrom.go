package worker

import (
	"context"
	"encoding/json"
	"io"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
	"github.com/rc-containers/rc/pkg/store"
)

// imports are the caches of --cache-from, which are read when the first step is not found here.
type imports struct {
	once  sync.Once
	found map[string]imported // by key; the first cache that has a step counts
	open  []shelf
}

// imported is a step of another cache.
type imported struct {
	exchangedStep
	from  shelf
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
	data, err := from.manifest(ctx)
	if err != nil {
		return err
	}
	var m v1.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return errs.Invalidf("manifest: %w", err)
	}
	if m.Config.MediaType != cacheConfig || m.Config.Size > maxCacheConfig {
		return errs.Unsupportedf("it is no build cache of rc's: its configuration is of type %q, %d bytes", m.Config.MediaType, m.Config.Size)
	}
	r, err := from.blob(ctx, m.Config)
	if err != nil {
		return err
	}
	defer r.Close()
	if data, err = io.ReadAll(io.LimitReader(r, maxCacheConfig)); err != nil {
		return err
	}
	if m.Config.Digest.Algorithm().FromBytes(data) != m.Config.Digest {
		return errs.Invalidf("its configuration is damaged: want digest %s", m.Config.Digest)
	}
	var e exchanged
	if err := json.Unmarshal(data, &e); err != nil {
		return errs.Invalidf("configuration: %w", err)
	}
	if e.Version != keyVersion {
		return errs.Unsupportedf("it is of version %d, not %d", e.Version, keyVersion)
	}
	for _, s := range e.Steps {
		if _, have := b.imports.found[s.Key]; !have && s.Blob >= 0 && s.Blob < len(m.Layers) {
			b.imports.found[s.Key] = imported{exchangedStep: s, from: from, name: c.Ref, layer: m.Layers[s.Blob]}
		}
	}
	return nil
}

func (i *imports) close() {
	for _, s := range i.open {
		s.close()
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
	r, err := i.from.blob(ctx, i.layer)
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
