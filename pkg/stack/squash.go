package stack

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
)

// PackLayers writes what several layers, upper, change together in those below them, lower, as one image layer.
func PackLayers(ctx context.Context, w io.Writer, upper, lower Dir, o Options) error {
	p := newPacker(ctx, w, o)
	if len(upper) > 0 {
		if err := p.root(upper[0], lower); err != nil {
			return err
		}
	}
	if err := p.together(upper, lower, ""); err != nil {
		return err
	}
	return p.w.Close()
}

// together writes what a directory of the upper layers changes; prefix is its name with a slash, "" for the root.
func (p *packer) together(upper, lower Dir, prefix string) error {
	names, err := upper.allNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := p.squashed(upper, lower, prefix, name); err != nil {
			return err
		}
	}
	return nil
}

// allNames are the names in a directory, those that are only hidden too, sorted.
func (d Dir) allNames() ([]string, error) {
	var all []string
	for _, fd := range d {
		names, err := List(fd)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if hides, ok := Whiteout(name); ok {
				name = hides
			}
			if name != OpaqueFile {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// squashed writes what one name stands for.
func (p *packer) squashed(upper, lower Dir, prefix, name string) (err error) {
	whole := slices.Concat(upper, lower)
	above, err := upper.LookUp(name)
	if err != nil {
		return err
	}
	if above == nil {
		was, err := lower.Has(name)
		if err != nil || !was {
			return err
		}
		is, err := whole.Has(name)
		if err != nil || is {
			return err
		}
		return p.w.Empty(prefix + WhiteoutPrefix + name)
	}
	defer above.Close()
	if err := p.w.File(above.FD, prefix+name, &above.Stat); err != nil || !above.IsDir() {
		return err
	}
	all, err := whole.LookUp(name)
	if err != nil {
		return err
	}
	if all == nil { // it has gone meanwhile: the layers are nobody's to change
		return fmt.Errorf("pack %q: %w", prefix+name, fs.ErrNotExist)
	}
	defer all.Close()
	under := all.Below[min(len(above.Below), len(all.Below)):]
	if len(under) == 0 {
		if err := p.opaque(lower, prefix, name); err != nil {
			return err
		}
	}
	return p.together(above.Below, under, prefix+name+"/")
}

// opaque says that nothing of a directory below shows through, if there is one.
func (p *packer) opaque(lower Dir, prefix, name string) error {
	below, err := lower.LookUp(name)
	if below == nil || err != nil {
		return err
	}
	defer below.Close()
	if !below.IsDir() {
		return nil
	}
	return p.w.Empty(path.Join(prefix+name, OpaqueFile))
}
