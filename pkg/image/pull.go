package image

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
)

// Platform is what an image runs on.
type Platform = spec.Platform

// Pull gets an image as the policy says and gives it. What is here already is not fetched.
func Pull(ctx context.Context, cfg *config.Config, o PullOptions) (*index.Image, error) {
	all, err := PullAll(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// PullAll is Pull for AllTags: it gives every image.
func PullAll(ctx context.Context, cfg *config.Config, o PullOptions) ([]*index.Image, error) {
	switch l, ok, err := ParseLocation(o.Image); {
	case err != nil:
		return nil, fmt.Errorf("pull: %w", err)
	case ok && l.Transport != TransportRegistry:
		return take(ctx, cfg, o, l)
	}
	here, err := Resolve(ctx, cfg, o.Image, o.Platform)
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return nil, err
	}
	switch o.Policy {
	case Missing:
		if here != nil && !o.AllTags {
			return []*index.Image{here}, nil
		}
	case Never:
		if here == nil {
			return nil, errs.WithHint(err, "rc pull "+o.Image)
		}
		return []*index.Image{here}, nil
	case "", Always, Newer:
	default:
		return nil, errs.Invalidf("pull policy %q: want always, missing, never or newer", o.Policy)
	}
	n, err := index.ParseName(o.Image)
	if err != nil {
		if here != nil { // an id: there is nowhere to pull it from
			return []*index.Image{here}, nil
		}
		return nil, err
	}
	if o.AllTags && (n.Tag != "" || n.Digest != "") {
		return nil, errs.Invalidf("pull %q: all tags are asked for, and one is named", o.Image)
	}
	o.Image = strings.TrimPrefix(o.Image, "docker://")
	return pull(ctx, cfg, o, here)
}

func pull(ctx context.Context, cfg *config.Config, o PullOptions, here *index.Image) ([]*index.Image, error) {
	var ids []string
	if err := call(ctx, cfg, VerbPull, o, &ids, o.Streams); err != nil {
		// "newer" is a wish: without the registry, what is here will do (podman-pull(1)).
		if o.Policy == Newer && here != nil && ctx.Err() == nil {
			return []*index.Image{here}, nil
		}
		return nil, fmt.Errorf("pull %s: %w", o.Image, err)
	}
	var all []*index.Image
	for _, id := range ids {
		img, err := Resolve(ctx, cfg, id, Platform{})
		if err != nil {
			return nil, fmt.Errorf("pull %s: %w", o.Image, err)
		}
		all = append(all, img)
		tell(cfg, "pull", img.ID, pulledName(img, o))
	}
	return all, nil
}

// pulledName is the name that was asked for, or the image's own where all tags were.
func pulledName(img *index.Image, o PullOptions) string {
	if name := NameOf(img.Entry, o.Image); name != "" && !o.AllTags || len(img.Names) == 0 {
		return name
	}
	return img.Names[0]
}
