package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	imageworker "github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/store"
)

// base is an image that a stage is made from, or that files are copied from.
type base struct {
	id       string
	name     string // as progress shows it
	config   store.ImageConfig
	manifest v1.Manifest
	tree     tree
	pulled   bool
}

// images finds each image once.
type images struct {
	mu  sync.Mutex
	all map[string]*imageOnce
}

type imageOnce struct {
	once sync.Once
	base *base
	err  error
}

// image finds an image as the policy says.
func (b *builder) image(ctx context.Context, ref string, from dockerfile.Source) (*base, error) {
	p, err := b.platform(from.Platform)
	if err != nil {
		return nil, err
	}
	b.images.mu.Lock()
	if b.images.all == nil {
		b.images.all = map[string]*imageOnce{}
	}
	name := ref + " " + image.Describe(p)
	one := b.images.all[name]
	if one == nil {
		one = &imageOnce{}
		b.images.all[name] = one
	}
	b.images.mu.Unlock()
	one.once.Do(func() {
		f := &finder{b: b, ref: ref, platform: p}
		if one.base, one.err = f.find(ctx); errors.Is(one.err, errs.ErrNotFound) && from.Meant != "" {
			one.err = errs.WithHint(one.err, fmt.Sprintf("there is a stage %q", from.Meant))
		}
	})
	return one.base, one.err
}

// finder looks for one image.
type finder struct {
	b        *builder
	ref      string
	platform spec.Platform
	location *image.Location // where it is, if not in the store or a registry
	task     *task
}

func (f *finder) find(ctx context.Context) (_ *base, err error) {
	if err := f.locate(); err != nil {
		return nil, err
	}
	shown := f.ref
	if n, err := index.ParseName(f.ref); err == nil && f.location == nil {
		shown = n.Tagged().String()
	}
	f.task = f.b.begin("[internal] load metadata for " + shown)
	defer func() { _ = f.task.end(err, [2]int{}) }()
	id, pulled, err := f.image(ctx)
	if err != nil {
		return nil, err
	}
	found, err := f.load(ctx, id)
	if errors.Is(err, errGone) && !pulled && f.location == nil && f.b.o.PullPolicy != image.Never {
		// What is here is damaged; a pull gives it its files back.
		if id, err = f.pull(ctx); err == nil {
			pulled = true
			found, err = f.load(ctx, id)
		}
	}
	if err != nil {
		return nil, err
	}
	found.name, found.pulled = shown, pulled
	return found, nil
}

// locate reads what the reference says of where the image is.
func (f *finder) locate() error {
	f.ref = strings.TrimPrefix(f.ref, "docker-image://")
	if path, found := strings.CutPrefix(f.ref, "oci-layout://"); found {
		f.ref = image.TransportOCI + ":" + path
	}
	l, named, err := image.ParseLocation(f.ref)
	switch {
	case err != nil:
		return err
	case named && l.Transport == image.TransportRegistry:
		f.ref = l.Ref
	case named:
		f.location = &l
	}
	return nil
}

// image gives the id of the image, and whether it was fetched.
func (f *finder) image(ctx context.Context) (id string, pulled bool, err error) {
	policy := cmp.Or(f.b.o.PullPolicy, image.Missing)
	if f.location != nil {
		if policy == image.Never {
			return "", false, fmt.Errorf("%s: %w here, and not to be fetched", f.ref, errs.ErrNotFound)
		}
		id, err = f.pull(ctx)
		return id, true, err
	}
	here, err := f.here(ctx)
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return "", false, err
	}
	switch {
	case here != "" && (policy == image.Missing || policy == image.Never):
		return here, false, nil
	case policy == image.Never:
		return "", false, errs.WithHint(err, "rc pull "+f.ref)
	case here != "" && isID(f.ref, here):
		return here, false, nil // there is nowhere to pull it from
	}
	id, err = f.pull(ctx)
	if err != nil && here != "" && policy == image.Newer && ctx.Err() == nil {
		return here, false, nil // "newer" is a wish (podman-build(1))
	}
	return id, id != here, err
}

// isID says whether a reference can only be meant as an image's id, or the beginning of one.
func isID(ref, id string) bool {
	ref = strings.TrimPrefix(ref, "sha256:")
	return len(ref) >= 12 && strings.HasPrefix(id, ref)
}

// here looks for the image in the store.
func (f *finder) here(ctx context.Context) (string, error) {
	ix, err := index.Read(f.b.cfg)
	if err == nil && ix.Stale {
		if err = f.b.store.Refresh(ctx); err == nil {
			ix, err = index.Read(f.b.cfg)
		}
	}
	if err != nil {
		return "", err
	}
	e, err := ix.Find(f.ref)
	if err != nil {
		return "", err
	}
	if err := image.Match(e, f.platform); err != nil {
		return "", fmt.Errorf("image %q: %w", f.ref, err)
	}
	return e.ID, nil
}

func (f *finder) pull(ctx context.Context) (string, error) {
	o := f.b.o.Pull
	o.Image, o.Platform, o.AllTags = f.ref, f.platform, false
	return imageworker.Fetch(ctx, f.b.cfg, f.b.store, o, f.location, f.task)
}

// errGone is an image whose layers have lost their files.
var errGone = errors.New("its files are gone")

// load reads what the store has of the image, and keeps it there.
func (f *finder) load(ctx context.Context, id string) (*base, error) {
	s, err := f.b.store.Stored(id)
	if err != nil {
		return nil, err
	}
	found := &base{id: id, tree: s.Layers}
	if err := f.b.pin.Add(ctx, found.tree.top()); err != nil {
		return nil, err
	}
	for _, l := range found.tree {
		if !f.b.store.HasLayer(l.ID) {
			return nil, errs.WithHint(fmt.Errorf("image %q: layer %.12s: %w", f.ref, l.ID, errGone), "rc system check")
		}
	}
	if err := json.Unmarshal(s.Config, &found.config); err != nil {
		return nil, errs.Invalidf("image %q: configuration: %w", f.ref, err)
	}
	if err := json.Unmarshal(s.Manifest, &found.manifest); err != nil {
		return nil, errs.Invalidf("image %q: manifest: %w", f.ref, err)
	}
	return found, nil
}
