package worker

import (
	"context"
	"errors"
	"time"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/files"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/store"
)

// copying is a COPY or an ADD.
type copying struct {
	*work
	copy     dockerfile.Copy
	prepared *files.Prepared
}

func (c *copying) key(ctx context.Context) (key, error) {
	b := c.stage.b
	src, err := b.source(ctx, *c.copy.From)
	if err != nil {
		return key{}, err
	}
	o := b.times(c.task)
	if c.copy.Add {
		o.URLs = steps.URLs(b.cfg)
		if o.Temp, err = b.temp(ctx); err != nil {
			return key{}, err
		}
	}
	loaded := b.loading(*c.copy.From, &o)
	defer loaded()
	c.prepared, err = files.Prepare(ctx, src.files, &c.copy, o)
	if errors.Is(err, errs.ErrNotFound) && c.copy.From.Build && b.o.Context == "" {
		err = errs.WithHint(err, "this build has no context: name a directory, as in rc build .")
	}
	if err != nil {
		return key{}, err
	}
	d, err := c.prepared.Key(ctx)
	return key{Kind: "copy", Content: []string{d.String()}, Link: files.Independent(&c.copy)}, err
}

func (c *copying) prepare(context.Context) (func(), error) { return func() {}, nil }

func (c *copying) make(ctx context.Context) (*store.Staged, error) {
	return c.prepared.Apply(ctx, c.stage.b.store, c.stage.tree.lower())
}

func (c *copying) close() {
	if c.prepared != nil {
		c.prepared.Close()
		c.prepared = nil
	}
}

// times are the options of whatever writes files.
func (b *builder) times(t *task) files.Options {
	o := files.Options{Now: b.created(), Progress: t.Bytes, Warn: func(err error) { t.Warn("%v", err) }}
	if b.o.CreatedAfter != nil {
		latest := time.Unix(*b.o.CreatedAfter, 0)
		o.Latest = &latest
	}
	return o
}

// entering is a WORKDIR.
type entering struct {
	*work
	path, user string
}

func (e *entering) key(context.Context) (key, error) {
	return key{Kind: "workdir", Instruction: [2]string{e.path, e.user}}, nil
}

func (e *entering) prepare(context.Context) (func(), error) { return func() {}, nil }

func (e *entering) make(ctx context.Context) (*store.Staged, error) {
	return files.Workdir(ctx, e.stage.b.store, e.stage.tree.lower(), e.path, e.user, e.stage.b.times(e.task))
}

func (e *entering) close() {}
