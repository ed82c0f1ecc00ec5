package worker

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	digest "github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/image"
	imageworker "github.com/rc-containers/rc/pkg/image/worker"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// result is an image on its way to its record.
type result struct {
	base    *base // nil for none
	tree    tree
	own     int // that many layers of tree, the topmost ones, are not base's
	config  index.Config
	author  string
	history []v1.History // all of it
}

// record makes an image of the target.
func (b *builder) record(ctx context.Context, target *stage, r *build.Result) (err error) {
	t := b.begin("exporting to image")
	defer func() { _ = t.end(err, [2]int{}) }()
	out := &result{base: target.base, tree: target.tree, own: len(target.tree), config: target.config, author: target.author}
	if out.base != nil {
		out.own -= len(out.base.tree)
		out.history = append(out.history, out.base.config.History...)
	}
	out.history = append(out.history, target.history...)
	if b.o.Squash || b.o.SquashAll {
		if err := b.squash(ctx, t, out); err != nil {
			return err
		}
	}
	n, err := b.describe(out)
	if err != nil {
		return err
	}
	r.ID, r.Digest = digest.FromBytes(n.Config).Encoded(), digest.FromBytes(n.Manifest).String()
	t.Line("writing image sha256:%s", r.ID)
	for _, name := range n.Names {
		t.Line("naming to %s", name)
	}
	if b.same(r.ID, n) {
		return nil
	}
	if err := b.store.SyncTo(ctx, n.TopLayer); err != nil { // it may take time: without the lock
		return err
	}
	hold, err := index.Hold(ctx, b.cfg, true)
	if err != nil {
		return err
	}
	defer hold.Release()
	_, err = b.store.AddImage(ctx, n)
	return err
}

// same says that the store has the image with all of its names already.
func (b *builder) same(id string, n store.NewImage) bool {
	s, err := b.store.Stored(id)
	if err != nil || string(s.Manifest) != string(n.Manifest) {
		return false
	}
	return !slices.ContainsFunc(n.Names, func(name string) bool { return !slices.Contains(s.Names, name) })
}

// describe writes the configuration and the manifest.
func (b *builder) describe(r *result) (n store.NewImage, err error) {
	var c store.ImageConfig
	var layers []v1.Descriptor
	if r.base != nil {
		c = r.base.config
		layers = append(layers, r.base.manifest.Layers...)
	} else {
		p, err := b.platform("")
		if err != nil {
			return n, err
		}
		c.OS, c.Architecture, c.Variant = "linux", machine(), p.Variant
		if p.Arch != "" {
			c.OS, c.Architecture = p.OS, p.Arch
		}
	}
	c.RootFS = v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{}}
	for i, l := range r.tree {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.DiffID)
		if i >= len(r.tree)-r.own {
			layers = append(layers, v1.Descriptor{Digest: l.DiffID, Size: l.Size})
		}
	}
	c.Config, c.Author = b.adjust(r.config), r.author
	c.History = slices.Clone(r.history)
	c.Created = b.date(c.History)
	n.TopLayer = r.tree.top()
	if n.Config, err = json.Marshal(c); err != nil {
		return n, err
	}
	if n.Manifest, err = imageworker.WriteManifest(b.o.Format, n.Config, layers, b.o.Annotations); err != nil {
		return n, err
	}
	if b.o.Format == image.FormatDocker && len(b.o.Annotations) > 0 {
		b.warn("annotations are left out: only the format oci has them")
	}
	for _, tag := range b.o.Tags {
		name, err := image.NewName(tag)
		if err != nil {
			return n, err
		}
		n.Names = append(n.Names, name)
	}
	return n, nil
}

// adjust does to the configuration what the build's options say.
func (b *builder) adjust(c index.Config) index.Config {
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(b.o.Unsetenv, name)
	})
	for _, kv := range b.o.Env {
		name, _, _ := strings.Cut(kv, "=")
		i := slices.IndexFunc(c.Env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		if i >= 0 {
			c.Env[i] = kv
		} else {
			c.Env = append(c.Env, kv)
		}
	}
	if len(b.o.Labels)+len(b.o.Unsetlabel) > 0 {
		c.Labels = maps.Clone(c.Labels)
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		for _, name := range b.o.Unsetlabel {
			delete(c.Labels, name)
		}
		maps.Copy(c.Labels, b.o.Labels)
	}
	return c
}

// date fills in times that are missing, as BuildKit does: what changes no files is as old as the layer before it, and
// before the first layer of this build as that one. So an image that is built again from the cache is the same one. It
// gives the image's time.
func (b *builder) date(history []v1.History) *time.Time {
	var first *time.Time // what comes before the first new layer gets
	missing := false
	for _, h := range history {
		if h.Created == nil {
			missing = true
			continue
		}
		if first = h.Created; missing {
			break
		}
	}
	last := first
	missing = false
	for i := range history {
		switch h := &history[i]; {
		case h.Created == nil:
			missing = true
			h.Created = last
		case missing:
			last = h.Created
		}
	}
	created := b.created()
	if n := len(history); n == 0 || history[n-1].Created == nil || b.o.CreatedAfter != nil {
		for i := range history {
			if history[i].Created == nil {
				history[i].Created = &created
			}
		}
		return &created
	}
	return history[len(history)-1].Created
}
