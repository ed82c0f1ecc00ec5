package image

import (
	"context"
	"fmt"
	"slices"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// Tag gives an image more names; images that have them lose them.
func Tag(ctx context.Context, cfg *config.Config, source string, names ...string) error {
	full := make([]string, 0, len(names))
	for _, name := range names {
		n, err := index.ParseName(name)
		if err != nil {
			return err
		}
		if n.Digest != "" {
			return errs.Invalidf("tag %q: a digest is not for us to give", name)
		}
		f, err := NewName(name)
		if err != nil {
			return err
		}
		full = append(full, f)
	}
	img, err := Resolve(ctx, cfg, source, Platform{})
	if err != nil {
		return err
	}
	if err := call(ctx, cfg, VerbTag, NameRequest{ID: img.ID, Names: full}, nil, Streams{}); err != nil {
		return err
	}
	tellEach(cfg, "tag", img.ID, full)
	return nil
}

// Untag takes names from an image, all of them if none is given.
func Untag(ctx context.Context, cfg *config.Config, source string, names ...string) error {
	img, err := Resolve(ctx, cfg, source, Platform{})
	if err != nil {
		return err
	}
	take := img.Names
	if len(names) > 0 {
		take = nil
		for _, name := range names {
			have := NameOf(img.Entry, name)
			if have == "" {
				return fmt.Errorf("untag %q: image %.12s: %w", name, img.ID, errs.ErrNotFound)
			}
			take = append(take, have)
		}
	}
	if len(take) == 0 {
		return nil
	}
	if err := call(ctx, cfg, VerbUntag, NameRequest{ID: img.ID, Names: take}, nil, Streams{}); err != nil {
		return err
	}
	tellEach(cfg, "untag", img.ID, take)
	return nil
}

// NameOf is the image's own name that a user meant, "" for an id.
func NameOf(e index.Entry, value string) string {
	n, err := index.ParseName(value)
	if err != nil {
		return ""
	}
	candidates := []index.Name{n.Tagged()}
	if n.Short {
		local := n.Tagged()
		local.Domain, local.Path = "localhost", n.Given
		candidates = []index.Name{local, n.Tagged()}
	}
	for _, c := range candidates {
		if slices.Contains(e.Names, c.String()) {
			return c.String()
		}
	}
	for _, name := range e.Names {
		m, err := index.ParseName(name)
		if err == nil && n.Short && m.Path == n.Given && m.Tagged().Tag == n.Tagged().Tag && m.Digest == n.Digest {
			return name
		}
	}
	return ""
}
