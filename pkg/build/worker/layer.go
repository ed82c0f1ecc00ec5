package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/files"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/store"
)

// work is a step that ends in a layer.
type work struct {
	stage *stage
	step  *dockerfile.Step
	task  *task
	link  string // steps.Record.Link
}

// maker is what differs between instructions.
type maker interface {
	// key finds out what the outcome depends on. It waits for stages that are read.
	key(ctx context.Context) (key, error)
	// prepare takes locks and gives them back with the function; it is called before the step takes a slot.
	prepare(ctx context.Context) (func(), error)
	// make makes the layer; nil is one that changes nothing.
	make(ctx context.Context) (*store.Staged, error)
	// close gives up what key has opened.
	close()
}

// layer adds the step's layer to the stage: that of the cache, or one that is made now. It gives its time.
func (w *work) layer(ctx context.Context, m maker) (created time.Time, err error) {
	w.stage.b.total.Add(1)
	for range attempts {
		if created, err = w.attempt(ctx, m); !errors.Is(err, files.ErrChanged) {
			break
		}
		w.task.Line("%v: beginning again", err)
	}
	return created, err
}

// attempts is how often a step is begun whose files change while they are read.
const attempts = 3

func (w *work) attempt(ctx context.Context, m maker) (time.Time, error) {
	b := w.stage.b
	defer m.close()
	k, err := m.key(ctx)
	if err != nil {
		return time.Time{}, err
	}
	k.Parent, k.Clamp = w.stage.tree.top(), b.o.CreatedAfter
	name, err := k.sum()
	if err != nil {
		return time.Time{}, err
	}
	if r, err := w.find(ctx, name); r != nil || err != nil {
		return w.found(r, err)
	}
	lock, err := steps.Acquire(ctx, b.cfg, name, func() { w.task.Line("waiting for another build of the same step") })
	if err != nil {
		return time.Time{}, err
	}
	defer lock.Release()
	if r, err := w.find(ctx, name); r != nil || err != nil { // somebody has done it meanwhile
		return w.found(r, err)
	}
	if k.Link {
		if w.link, err = k.anywhere(); err != nil {
			return time.Time{}, err
		}
		if r, err := w.relink(ctx, name); r != nil || err != nil {
			return w.found(r, err)
		}
	}
	if r, err := w.fetched(ctx, name); r != nil || err != nil {
		return w.found(r, err)
	}
	r, err := w.do(ctx, name, m)
	if err != nil {
		return time.Time{}, err
	}
	return r.Created, nil
}

func (w *work) found(r *steps.Record, err error) (time.Time, error) {
	if err != nil {
		return time.Time{}, err
	}
	w.stage.b.cached.Add(1)
	w.task.cached()
	return r.Created, nil
}

// fresh says that only what was made since this build began may be used.
func (w *work) fresh() bool {
	o := &w.stage.b.o
	return o.NoCache || slices.ContainsFunc(o.NoCacheFilter, func(name string) bool { return strings.EqualFold(name, w.stage.plan.Name) })
}

// find looks the step up in the cache, and adds its layer to the stage. nil is none, or one whose files are gone.
func (w *work) find(ctx context.Context, key string) (*steps.Record, error) {
	b := w.stage.b
	r, err := steps.Find(b.cfg, key)
	if errors.Is(err, errs.ErrNotFound) || err == nil && w.fresh() && r.Made.Before(b.begun) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := b.pin.Add(ctx, r.Layer); err != nil {
		return nil, err
	}
	if r.Parent != w.stage.tree.top() || !w.add(r.Layer) {
		return nil, nil
	}
	steps.Use(b.cfg, r)
	b.recorded(r)
	return r, nil
}

// add puts a layer of the store on top of the stage, if it is there.
func (w *work) add(id string) bool {
	s := w.stage
	if !s.b.store.HasLayer(id) {
		return false
	}
	l, err := s.b.store.Layer(id)
	if err != nil {
		return false
	}
	s.tree = append(s.tree, l)
	return true
}

// relink puts a layer that the same step has made on top of others on those of this stage: with the same digest, so that a registry
// has it already. nil is none.
func (w *work) relink(ctx context.Context, key string) (*steps.Record, error) {
	b := w.stage.b
	all, err := steps.All(b.cfg)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Link != w.link || w.fresh() && r.Made.Before(b.begun) {
			continue
		}
		if err := b.pin.Add(ctx, r.Layer); err != nil {
			return nil, err
		}
		if !b.store.HasLayer(r.Layer) {
			continue
		}
		tar, err := b.store.LayerTar(r.Layer)
		if err != nil {
			continue // it is made anew
		}
		staged, err := b.store.Stage(ctx, tar)
		_ = tar.Close()
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			continue
		}
		if staged.DiffID.String() == r.DiffID {
			return w.commit(ctx, key, staged, r.Created)
		}
		staged.Discard()
	}
	return nil, nil
}

// emptyArchive is a tar archive of nothing.
var emptyArchive = make([]byte, 1024)

// do carries the step out, and remembers it.
func (w *work) do(ctx context.Context, key string, m maker) (*steps.Record, error) {
	s := w.stage
	release, err := m.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	free, err := s.b.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer free()
	staged, err := m.make(ctx)
	if err == nil && staged == nil {
		staged, err = s.b.store.Stage(ctx, bytes.NewReader(emptyArchive))
	}
	if err != nil {
		return nil, err
	}
	return w.commit(ctx, key, staged, s.b.created())
}

// commit adds a staged layer to the store and to the stage, and writes the record.
func (w *work) commit(ctx context.Context, key string, staged *store.Staged, created time.Time) (*steps.Record, error) {
	s := w.stage
	defer staged.Discard()
	parent := s.tree.top()
	r := &steps.Record{
		Key: key, Layer: chainID(parent, staged.DiffID.String()), Parent: parent, DiffID: staged.DiffID.String(),
		Size: staged.Size, Created: created, Made: time.Now().UTC(), Text: shorten(w.step.Text), Link: w.link,
	}
	// Before the layer is there: somebody else may have it, and give it up.
	if err := s.b.pin.Add(ctx, r.Layer); err != nil {
		return nil, err
	}
	if err := s.b.store.Commit(ctx, staged, r.Layer, parent, ""); err != nil {
		return nil, err
	}
	if !w.add(r.Layer) {
		return nil, fmt.Errorf("layer %.12s: %w", r.Layer, store.ErrGone)
	}
	s.b.recorded(r)
	return r, steps.Write(s.b.cfg, r)
}

// created is the time of what is made now.
func (b *builder) created() time.Time {
	if b.o.CreatedAfter != nil {
		return time.Unix(*b.o.CreatedAfter, 0).UTC()
	}
	return time.Now().UTC()
}

// chainID names a layer by everything below it (OCI image-spec, config.md, "Layer ChainID"); parent is a chain's
// id without "sha256:", "" for none.
func chainID(parent, diffID string) string {
	if parent == "" {
		_, hex, _ := strings.Cut(diffID, ":")
		return hex
	}
	sum := sha256.Sum256([]byte("sha256:" + parent + " " + diffID))
	return hex.EncodeToString(sum[:])
}
