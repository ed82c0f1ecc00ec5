package worker

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/store"
)

// squash makes one layer of those that are not the base's, or of all.
func (b *builder) squash(ctx context.Context, t *task, r *result) error {
	if b.o.SquashAll {
		r.own, r.base = len(r.tree), withoutLayers(r.base)
	}
	if r.own < 2 {
		return nil
	}
	n := len(r.tree) - r.own
	// It is a step like others: what has been squashed once is found again.
	w := &work{
		stage: &stage{b: b, plan: &dockerfile.Stage{}, tree: r.tree[:n:n]},
		step:  &dockerfile.Step{Text: "squash"},
		task:  &task{p: t.p, number: t.number},
	}
	w.task.ended.Store(true) // the task is the whole export's
	q := &squashing{work: w, from: r.tree}
	if _, err := w.layer(ctx, q); err != nil {
		return err
	}
	b.total.Add(-1)
	r.tree, r.own = w.stage.tree, 1
	// The layer is the last step's; the others have none any more.
	kept := false
	for i := len(r.history) - 1; i >= 0; i-- {
		h := &r.history[i]
		if h.EmptyLayer || r.base != nil && i < len(r.base.config.History) && !b.o.SquashAll {
			continue
		}
		h.EmptyLayer = kept
		kept = true
	}
	return nil
}

// withoutLayers is a base of whose files nothing is left by themselves.
func withoutLayers(of *base) *base {
	if of == nil {
		return nil
	}
	out := *of
	out.manifest.Layers, out.tree = []v1.Descriptor{}, nil
	return &out
}

// squashing makes one layer of several.
type squashing struct {
	*work
	from tree
}

func (q *squashing) key(context.Context) (key, error) {
	return key{Kind: "squash", Content: []string{q.from.top()}}, nil
}

func (q *squashing) prepare(context.Context) (func(), error) { return func() {}, nil }
func (q *squashing) close()                                  {}

func (q *squashing) make(ctx context.Context) (*store.Staged, error) {
	below := len(q.stage.tree)
	upper, err := stack.Open(q.from[below:].lower()...)
	if err != nil {
		return nil, err
	}
	defer upper.Close()
	lower, err := stack.Open(q.stage.tree.lower()...)
	if err != nil {
		return nil, err
	}
	defer lower.Close()
	if len(upper)+len(lower) != len(q.from) {
		return nil, store.ErrGone
	}
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		out := bufio.NewWriterSize(w, 256<<10)
		err := stack.PackLayers(ctx, out, upper, lower, stack.Options{Warn: func(err error) { q.task.Warn("%v", err) }})
		w.CloseWithError(cmp.Or(err, out.Flush()))
		packed <- err
	}()
	staged, err := q.stage.b.store.Stage(ctx, r)
	r.CloseWithError(errAbandoned)
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, errAbandoned) {
		err = packErr
	}
	if err != nil && staged != nil {
		staged.Discard()
	}
	return staged, err
}

// errAbandoned is what the side that packs gets where the other one has failed.
var errAbandoned = errors.New("abandoned")
