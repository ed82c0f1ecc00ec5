package installed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
)

// RemoveOptions are those of rc quadlet rm.
type RemoveOptions struct {
	Names []string // of quadlets, or .NAME.app
	All   bool     // those in the user's own directory
	// Force stops what runs; Ignore does not mind what is not there.
	Force, Ignore bool
}

// Remove removes quadlets, each with the application that it belongs to, and gives their names.
// One that runs is errs.ErrInUse, one that is not there errs.ErrNotFound; the others are removed.
func Remove(ctx context.Context, m Manager, o RemoveOptions) ([]string, error) {
	dir, err := quadlet.InstallDir()
	if err != nil {
		return nil, err
	}
	lists, err := applications(dir)
	if err != nil {
		return nil, err
	}
	dirs, _ := quadlet.Dirs()
	set, _ := quadlet.Load(dirs, nil)
	names := o.Names
	if o.All {
		names = nil
		for _, src := range set.Sources() {
			if strings.HasPrefix(src.Path, dir+"/") {
				names = append(names, src.Name)
			}
		}
	}
	r := removal{manager: m, force: o.Force, set: set, dir: dir, lists: lists}
	var problems []error
	for _, name := range names {
		err := r.remove(ctx, name)
		if o.Ignore && errors.Is(err, errs.ErrNotFound) {
			r.removed = append(r.removed, name)
			err = nil
		}
		problems = append(problems, err)
	}
	if len(r.removed) > 0 {
		problems = append(problems, removeUnits())
	}
	return r.removed, errors.Join(problems...)
}

// removeUnits removes the units of quadlets that are gone, where they were written.
func removeUnits() error {
	dir, err := unitDir()
	if err != nil {
		return err
	}
	if before, err := written(dir); err != nil || len(before) == 0 {
		return err
	}
	return WriteUnits(nil)
}

type removal struct {
	manager Manager
	force   bool
	set     *quadlet.Set
	dir     string
	lists   map[string][]string
	removed []string
}

// remove removes a quadlet, or all of its application.
func (r *removal) remove(ctx context.Context, name string) error {
	if slices.Contains(r.removed, name) {
		return nil // with another one
	}
	record := name
	if _, ok := r.lists[name]; !ok {
		src := r.set.Source(name)
		if src == nil {
			return fmt.Errorf("quadlet %q: %w", name, errs.ErrNotFound)
		}
		rel, err := filepath.Rel(r.dir, src.Path)
		if err != nil {
			return err
		}
		record = applicationOf(r.lists, rel)
		if record == "" {
			if err := r.stop(ctx, src); err != nil {
				return err
			}
			return r.delete(src.Path, name)
		}
	}
	var sources []*quadlet.Source
	for _, rel := range r.lists[record] {
		if src := r.set.Source(filepath.Base(rel)); src != nil && src.Path == filepath.Join(r.dir, rel) {
			sources = append(sources, src)
		}
	}
	if err := r.stop(ctx, sources...); err != nil {
		return err
	}
	for _, rel := range r.lists[record] {
		said := ""
		if quadlet.Is(rel) {
			said = filepath.Base(rel)
		}
		if err := r.delete(filepath.Join(r.dir, rel), said); err != nil {
			return err
		}
		if parent := filepath.Dir(rel); parent != "." {
			_ = os.Remove(filepath.Join(r.dir, parent)) // if it is empty now
		}
	}
	return r.delete(filepath.Join(r.dir, record), "")
}

// delete deletes a file; said is what is told of it.
func (r *removal) delete(path, said string) error {
	if err := gone(os.Remove(path)); err != nil {
		return fmt.Errorf("remove quadlet: %w", err)
	}
	if said != "" {
		r.removed = append(r.removed, said)
	}
	return nil
}

// stop stops the units of quadlets, or refuses to.
func (r *removal) stop(ctx context.Context, sources ...*quadlet.Source) error {
	var units []string
	for _, src := range sources {
		units = append(units, src.Unit())
	}
	states, err := statesOf(ctx, r.manager, units)
	if err != nil {
		return err
	}
	for i, unit := range units {
		switch states[unit].Active {
		case "", "inactive", "failed":
			continue
		}
		if !r.force {
			err := fmt.Errorf("quadlet %q: its unit %s runs: %w", sources[i].Name, unit, errs.ErrInUse)
			return errs.WithHint(err, "rc quadlet rm --force "+sources[i].Name)
		}
		if err := r.manager.StopAndWait(ctx, unit); err != nil {
			return err
		}
	}
	return nil
}
