package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/registry"
	"github.com/rc-containers/rc/pkg/store"
)

// puller pulls from one registry after the other until one has the image.
type puller struct {
	cfg    *config.Config
	store  *lazyStore
	client *registry.Client
	o      image.PullOptions
	report reporter
}

// pull gives the ids of what was pulled: one, except for all tags. The store is opened only where the index
// does not say that everything is here.
func pull(ctx context.Context, cfg *config.Config, o image.PullOptions) ([]string, error) {
	s := &lazyStore{cfg: cfg}
	report := newReport(o.Quiet)
	defer report.Close()
	ids, err := pullInto(ctx, cfg, s, o, report)
	if closeErr := s.close(ctx); err == nil {
		err = closeErr
	}
	return ids, err
}

// lazyStore is a store that is opened when it is needed.
type lazyStore struct {
	cfg    *config.Config
	opened *store.Store
}

func (l *lazyStore) open(ctx context.Context) (_ *store.Store, err error) {
	if l.opened == nil {
		l.opened, err = open(ctx, l.cfg)
	}
	return l.opened, err
}

// close writes the index, also after a pull that was interrupted: it may have changed the store before.
func (l *lazyStore) close(ctx context.Context) error {
	if l.opened == nil {
		return nil
	}
	defer l.opened.Close()
	return l.opened.Refresh(context.WithoutCancel(ctx))
}

func pullInto(ctx context.Context, cfg *config.Config, s *lazyStore, o image.PullOptions, report reporter) ([]string, error) {
	client, err := registry.New(clientOptions(cfg, o.Registry, report.Warn))
	if err != nil {
		return nil, err
	}
	p := &puller{cfg: cfg, store: s, client: client, o: o, report: report}
	candidates, err := client.Candidates(o.Image)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, c := range candidates {
		ids, err := p.candidate(ctx, c.Name)
		if err == nil {
			return ids, c.Record()
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if len(candidates) > 1 {
			err = fmt.Errorf("%s: %w", c.Name, err)
		}
		failures = append(failures, err)
	}
	if len(failures) == 1 {
		return nil, failures[0]
	}
	return nil, errors.Join(failures...)
}

func (p *puller) candidate(ctx context.Context, name string) ([]string, error) {
	if !p.o.AllTags {
		id, err := p.image(ctx, name)
		return []string{id}, err
	}
	n, err := index.ParseName(name)
	if err != nil {
		return nil, err
	}
	tags, err := p.client.Tags(ctx, n.Repository())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, tag := range tags {
		id, err := p.image(ctx, n.Repository()+":"+tag)
		if err != nil {
			return nil, fmt.Errorf("%s:%s: %w", n.Repository(), tag, err)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("%s: %w: the repository has no tags", n.Repository(), errs.ErrNotFound)
	}
	return ids, nil
}

// image pulls one image by its full name.
func (p *puller) image(ctx context.Context, name string) (string, error) {
	p.report.Line("Trying to pull %s...", name)
	src, err := p.client.Open(ctx, name)
	if err != nil {
		return "", err
	}
	defer src.Close() //nolint:errcheck // it closes idle connections
	f := &found{names: []string{name}, origin: src.Repository()}
	d, err := p.manifest(ctx, src, f)
	if err != nil {
		return "", err
	}
	if id := p.current(name, d, f.list); id != "" {
		p.report.Line("Image is up to date")
		return id, nil
	}
	var m v1.Manifest
	if err := json.Unmarshal(f.manifest, &m); err != nil {
		return "", errs.Invalidf("manifest %s: %w", d, err)
	}
	if m.Config.Digest == "" {
		return "", errs.Unsupportedf("manifest %s: it is an image of docker's schema 1, which registries gave up in 2024, or no image at all", d)
	}
	if err := manifest.Runnable(m); err != nil {
		return "", fmt.Errorf("manifest %s: %w", d, err)
	}
	if f.config, err = small(ctx, src, m.Config); err != nil {
		return "", fmt.Errorf("image configuration: %w", err)
	}
	if err := p.platform(f); err != nil {
		return "", err
	}
	for _, l := range m.Layers {
		f.layers = append(f.layers, blob{Digest: l.Digest, Size: l.Size, Open: func(ctx context.Context) (io.ReadCloser, error) {
			return src.Blob(ctx, l.Digest, l.Size)
		}, From: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return src.BlobFrom(ctx, l.Digest, l.Size, offset)
		}, Retry: src.Retry})
	}
	s, err := p.store.open(ctx)
	if err != nil {
		return "", err
	}
	return add(ctx, p.cfg, s, f, p.report)
}

// manifest fetches the manifest, through a list if there is one, and asks the policy for leave.
func (p *puller) manifest(ctx context.Context, src *registry.Source, f *found) (digest.Digest, error) {
	data, mediaType, err := src.Manifest(ctx, "")
	if err != nil {
		return "", err
	}
	d := digest.Canonical.FromBytes(data)
	if !json.Valid(data) {
		return "", errs.WithHint(errs.Invalidf("manifest: it is no JSON but begins with %.40q", data),
			"something between here and the registry (a proxy, a login page) answers in its place")
	}
	instance := digest.Digest("")
	if manifest.IsList(mediaType, data) {
		var ix v1.Index
		if err := json.Unmarshal(data, &ix); err != nil {
			return "", errs.Invalidf("manifest list %s: %w", d, err)
		}
		chosen, err := manifest.Choose(ix.Manifests, p.o.Platform)
		if err != nil {
			return "", fmt.Errorf("manifest list: %w", err)
		}
		f.list, instance = d, chosen.Digest
		if data, mediaType, err = src.Manifest(ctx, instance); err != nil {
			return "", err
		}
		if manifest.IsList(mediaType, data) {
			return "", errs.Unsupportedf("manifest list %s: it has lists in it", d)
		}
		d = instance
	}
	f.manifest = data
	return d, src.Allowed(ctx, instance)
}

// current is the id of an image that has the name and came from the same manifest.
func (p *puller) current(name string, manifest, list digest.Digest) string {
	ix, err := index.Read(p.cfg)
	if err != nil || ix.Stale {
		return ""
	}
	e, err := ix.Find(name)
	if err != nil || !slices.Contains(e.Names, name) {
		return ""
	}
	know := func(d digest.Digest) bool {
		return d == "" || e.Digest == index.Digest(d) || slices.Contains(e.Digests, index.Digest(d))
	}
	want := p.o.Platform
	if want.Arch == "" {
		want.OS, want.Arch = "linux", runtime.GOARCH
	}
	// Of another platform something would have to be said.
	if !know(manifest) || !know(list) || image.Match(e, want) != nil {
		return ""
	}
	if _, err := ix.Load(e); err != nil {
		return ""
	}
	return e.ID
}

// small fetches a configuration, verified.
func small(ctx context.Context, src *registry.Source, d v1.Descriptor) (data []byte, err error) {
	if err := d.Digest.Validate(); err != nil || d.Digest.Algorithm() != digest.SHA256 {
		return nil, errs.Invalidf("digest %q: want ALGORITHM:HEX", d.Digest)
	}
	if d.Size > manifest.MaxJSON {
		return nil, errs.Invalidf("%d bytes are more than %d", d.Size, manifest.MaxJSON)
	}
	err = src.Retry(ctx, func() error {
		r, err := src.Blob(ctx, d.Digest, d.Size)
		if err != nil {
			return err
		}
		defer r.Close()
		data, err = io.ReadAll(&verifier{r: r, want: d.Digest, size: d.Size, hash: digest.SHA256.Hash()})
		return err
	})
	return data, err
}

// platform refuses a single image that is not for the platform that was asked for by flags, and
// tells of one that is not for this machine.
func (p *puller) platform(f *found) error {
	var c store.ImageConfig
	if err := json.Unmarshal(f.config, &c); err != nil {
		return errs.Invalidf("image configuration: %w", err)
	}
	have := image.Platform{OS: c.OS, Arch: c.Architecture, Variant: c.Variant}
	want := p.o.Platform
	if want.OS != "" && want.OS != have.OS || want.Arch != "" && want.Arch != have.Arch || want.Variant != "" && have.Variant != "" && want.Variant != have.Variant {
		return fmt.Errorf("%w for %s; available: %s", errs.ErrNotFound, image.Describe(want), image.Describe(have))
	}
	if want.Arch == "" && (have.Arch != manifest.Native() || have.OS != "linux") {
		p.report.Warn("the image is for %s, this machine is linux/%s", image.Describe(have), manifest.Native())
	}
	return nil
}
