package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// Resolve finds an image by name, id, or prefix of an id. An image for another platform than the
// one asked for is not found; fields of p that are empty match anything. errs.ErrNotFound
// says that it would have to be pulled.
func Resolve(ctx context.Context, cfg *config.Config, name string, p Platform) (*index.Image, error) {
	ix, err := index.Read(cfg)
	if err != nil {
		return nil, err
	}
	if !ix.Stale {
		img, err := find(ix, name, p)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errDamaged) {
			return img, err
		}
	}
	if err := Refresh(ctx, cfg); err != nil {
		return nil, err
	}
	if ix, err = index.Read(cfg); err != nil {
		return nil, err
	}
	return find(ix, name, p)
}

// errDamaged is an image whose line or file cannot be read.
var errDamaged = errors.New("damaged index")

func find(ix *index.Index, name string, p Platform) (*index.Image, error) {
	e, err := ix.Find(name)
	if err != nil {
		return nil, err
	}
	if err := Match(e, p); err != nil {
		return nil, fmt.Errorf("image %q: %w", name, err)
	}
	img, err := ix.Load(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return img, nil
}

// Match says whether an image is for a platform: nil, or errs.ErrNotFound.
func Match(e index.Entry, p Platform) error {
	if (p.OS == "" || p.OS == e.OS) && (p.Arch == "" || p.Arch == e.Arch) && (p.Variant == "" || p.Variant == e.Variant) {
		return nil
	}
	return fmt.Errorf("%w for %s: the one here is for %s", errs.ErrNotFound, Describe(p), Describe(Platform{OS: e.OS, Arch: e.Arch, Variant: e.Variant}))
}

// Describe writes a platform as OS/ARCH/VARIANT.
func Describe(p Platform) string {
	s := p.OS
	if s == "" {
		s = "linux"
	}
	if p.Arch != "" {
		s += "/" + p.Arch
	}
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
