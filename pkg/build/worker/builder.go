package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	units "github.com/docker/go-units"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/store"
)

// builder is one build.
type builder struct {
	progress
	cfg   *config.Config
	o     build.Options
	store *store.Store
	pin   *steps.Pin
	begun time.Time
	slots chan struct{} // as many as steps may be under way

	images   images
	imports  imports
	contexts contexts

	mu      sync.Mutex // of stages and records
	stages  map[*dockerfile.Stage]*stage
	records []*steps.Record // of all steps, those from the cache too
	group   sync.WaitGroup
	cancel  context.CancelCauseFunc
	failed  sync.Once
	err     error // of what failed first

	cached, total atomic.Int64
}

// run is the whole of a build.
func run(ctx context.Context, h *host, start *build.Start) (r build.Result, err error) {
	b := &builder{
		progress: progress{host: h}, cfg: start.Config, o: start.Options, begun: time.Now(),
		stages: map[*dockerfile.Stage]*stage{},
	}
	b.slots = make(chan struct{}, cmp.Or(b.o.Jobs, runtime.NumCPU()))
	plan, err := b.plan()
	if err != nil {
		return r, err
	}
	if b.store, err = store.Open(ctx, b.cfg); err != nil {
		return r, err
	}
	defer b.store.Close()
	for _, notice := range b.store.Notices {
		b.warn("%s", notice)
	}
	if b.pin, err = steps.NewPin(b.cfg); err != nil {
		return r, err
	}
	defer b.pin.Release()
	defer b.contexts.close()
	defer b.imports.close()
	r, err = b.build(ctx, plan)
	if err == nil { // stages that are in no image are of use after a power cut, too
		err = b.store.Sync(ctx)
	}
	// A build that has failed may have changed the store before.
	if refreshErr := b.refresh(context.WithoutCancel(ctx)); err == nil {
		err = refreshErr
	}
	return r, err
}

// refresh writes the index of images anew, if the store has changed.
func (b *builder) refresh(ctx context.Context) error {
	if ix, err := index.Read(b.cfg); err == nil && !ix.Stale {
		return nil
	}
	return b.store.Refresh(ctx)
}

// plan reads the Dockerfile.
func (b *builder) plan() (*dockerfile.Plan, error) {
	t := b.begin("[internal] load build definition from " + b.o.Name)
	plan, err := b.parse(t)
	if de, ok := errors.AsType[*dockerfile.Error](err); ok {
		return nil, t.end(err, de.Lines)
	}
	return plan, t.end(err, [2]int{})
}

func (b *builder) parse(t *task) (*dockerfile.Plan, error) {
	data, err := os.ReadFile(b.o.Dockerfile)
	if err != nil {
		return nil, fmt.Errorf("read the Dockerfile: %w", err)
	}
	t.Line("transferring dockerfile: %s done", units.HumanSize(float64(len(data))))
	file, err := dockerfile.Parse(data, b.o.Name)
	if err != nil {
		return nil, err
	}
	here := "linux/" + machine()
	o := dockerfile.PlanOptions{
		Args: b.o.Args, Target: b.o.Target, Platform: cmp.Or(b.o.Platform, here), BuildPlatform: here,
		From: b.o.From, Contexts: map[string]bool{},
	}
	for name := range maps.Keys(b.o.Contexts) {
		o.Contexts[name] = true
	}
	plan, err := file.Plan(o)
	if err != nil {
		return nil, err
	}
	b.warnings(plan.Warnings)
	if b.o.CreatedAfter == nil {
		b.o.CreatedAfter = plan.Epoch
	}
	return plan, nil
}

func (b *builder) warnings(all []dockerfile.Warning) {
	for _, w := range all {
		b.warn("%s", w)
	}
}

// build carries the plan out.
func (b *builder) build(ctx context.Context, plan *dockerfile.Plan) (build.Result, error) {
	ctx, b.cancel = context.WithCancelCause(ctx)
	defer b.cancel(nil)
	// Stages that nobody waits for at once begin as well: the target will need them.
	for _, s := range plan.Stages {
		b.stage(ctx, s)
	}
	target := b.stage(ctx, plan.Stages[len(plan.Stages)-1])
	b.group.Wait()
	if b.err != nil {
		return build.Result{}, b.err
	}
	if unused := plan.Unused(); unused != "" {
		b.warn("%s", unused)
	}
	r := build.Result{Cached: int(b.cached.Load()), Steps: int(b.total.Load())}
	var err error
	if b.o.Export != nil {
		err = b.export(ctx, target)
	} else {
		err = b.record(ctx, target, &r)
	}
	if err == nil {
		err = b.giveAway(ctx, target)
	}
	return r, err
}

// stage gives a stage, which is begun where it has not been.
func (b *builder) stage(ctx context.Context, plan *dockerfile.Stage) *stage {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stages[plan]
	if s == nil {
		s = &stage{b: b, plan: plan, done: make(chan struct{})}
		b.stages[plan] = s
		b.group.Go(func() {
			defer close(s.done)
			if s.err = s.run(ctx); s.err != nil {
				b.fail(s.err)
			}
		})
	}
	return s
}

// fail ends the build.
func (b *builder) fail(err error) {
	b.failed.Do(func() {
		b.err = err
		b.cancel(errOther)
	})
}

// wait gives another stage when it has ended.
func (b *builder) wait(ctx context.Context, plan *dockerfile.Stage) (*stage, error) {
	s := b.stage(ctx, plan)
	select {
	case <-s.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if s.err != nil {
		return nil, errOther // it has been told of
	}
	return s, nil
}

// slot waits until a step may be carried out; give it back with the function.
func (b *builder) slot(ctx context.Context) (func(), error) {
	select {
	case b.slots <- struct{}{}:
		return func() { <-b.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// machine is what we run on.
func machine() string { return manifest.Native() }

// platform is the one that an image is looked for: where nothing was asked for, any that is here will do.
func (b *builder) platform(of string) (spec.Platform, error) {
	of = cmp.Or(of, b.o.Platform)
	if of == "" {
		return spec.Platform{}, nil
	}
	p, err := parse.Platform(of)
	if err != nil {
		return p, errs.Invalidf("platform %q: %w", of, err)
	}
	return p, nil
}
