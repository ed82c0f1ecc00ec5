package image

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// PushOptions are those of `rc push`.
type PushOptions struct {
	// Image is the one to push; AllTags takes all of its repository's.
	Image string `json:"-"`
	// Destination is TRANSPORT:… or a name in a registry, "" for the image's own.
	Destination string `json:"-"`
	AllTags     bool   `json:"-"`

	Type  string `json:"type,omitempty"`        // of the manifest: oci, v2s2, or its own
	Pack  string `json:"compression,omitempty"` // gzip, zstd, or what the layers came in
	Level *int   `json:"level,omitempty"`
	// Compress compresses the layers for a dir:, which has them plain otherwise.
	Compress bool     `json:"compress,omitempty"`
	Quiet    bool     `json:"quiet,omitempty"`
	Registry Registry `json:"registry"`
	Streams  Streams  `json:"-"`

	// Filled in by Push.
	ID string   `json:"id"`
	To Location `json:"to"`
	// Name is what the image is called in an archive.
	Name string `json:"name,omitempty"`
}

// Pushed is one image that was pushed.
type Pushed struct {
	To     string `json:"to"`
	Digest string `json:"digest"`
}

// Push sends an image to a registry, into an archive or a directory, or all tags of a repository.
func Push(ctx context.Context, cfg *config.Config, o PushOptions) ([]Pushed, error) {
	if o.AllTags {
		return pushAll(ctx, cfg, o)
	}
	img, err := Resolve(ctx, cfg, strings.TrimPrefix(o.Image, "docker://"), Platform{})
	if err != nil {
		return nil, fmt.Errorf("push %s: %w", o.Image, err)
	}
	if o.To, err = destination(img, o); err != nil {
		return nil, fmt.Errorf("push %s: %w", o.Image, err)
	}
	o.ID, o.Name = img.ID, nameFor(img, o.Image)
	p, err := push(ctx, cfg, o)
	return []Pushed{p}, err
}

func push(ctx context.Context, cfg *config.Config, o PushOptions) (Pushed, error) {
	var p Pushed
	if err := call(ctx, cfg, VerbPush, o, &p, o.Streams); err != nil {
		return p, fmt.Errorf("push %s: %w", o.To, err)
	}
	tell(cfg, "push", o.ID, o.To.Ref)
	return p, nil
}

// nameFor is the full name under which the user found an image, or its first.
func nameFor(img *index.Image, given string) string {
	if name := NameOf(img.Entry, given); name != "" || len(img.Names) == 0 {
		return name
	}
	return img.Names[0]
}

// destination says where an image is to go.
func destination(img *index.Image, o PushOptions) (Location, error) {
	if o.Destination == "" {
		name := NameOf(img.Entry, o.Image)
		if name == "" {
			return Location{}, errs.WithHint(errs.Invalidf("an id is no name to push to"), "rc push "+o.Image+" REGISTRY/REPOSITORY:TAG")
		}
		o.Destination = name
	}
	to, ok, err := ParseLocation(o.Destination)
	if err != nil {
		return to, err
	}
	if !ok {
		to = Location{Transport: TransportRegistry, Ref: o.Destination}
	}
	switch to.Transport {
	case TransportRegistry:
		n, err := index.ParseName(to.Ref)
		if err != nil {
			return to, err
		}
		if n.Domain == "localhost" {
			return to, errs.WithHint(errs.Invalidf("localhost/ is where rc keeps images of no registry"),
				fmt.Sprintf("rc push %s REGISTRY/%s", o.Image, n.Path))
		}
		to.Ref = n.Tagged().String()
	case TransportStorage:
		return to, errs.WithHint(errs.Unsupportedf("%s: rc does not write into podman's store", to),
			"rc save "+o.Image+" | podman load")
	}
	return to, nil
}

// pushAll pushes every tag of a repository to the registry that it is named after.
func pushAll(ctx context.Context, cfg *config.Config, o PushOptions) ([]Pushed, error) {
	n, err := index.ParseName(o.Image)
	if err != nil || n.Tag != "" || n.Digest != "" || o.Destination != "" {
		return nil, errs.Invalidf("push %q: --all-tags wants the name of a repository, and nothing else", o.Image)
	}
	ix, err := Read(ctx, cfg)
	if err != nil {
		return nil, err
	}
	entries, err := ix.All()
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	var names []string
	for _, e := range entries {
		for _, name := range e.Names {
			if m, err := index.ParseName(name); err == nil && m.Repository() == n.Repository() && m.Digest == "" {
				ids[name] = e.ID
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("push %q: %w: no image is named %s", o.Image, errs.ErrNotFound, n.Repository())
	}
	slices.Sort(names)
	var all []Pushed
	for _, name := range names {
		one := o
		one.ID, one.Name, one.To = ids[name], name, Location{Transport: TransportRegistry, Ref: name}
		p, err := push(ctx, cfg, one)
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}
