package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Update rewrites a container's record: change gets what is on disk. It survives a power
// cut where the record itself does. An error of change leaves everything as it was.
// errs.ErrNotFound: the container went away.
func (r Root) Update(id string, change func(*spec.Container) error) error {
	return r.rewriting(id, func() error {
		c, err := r.Load(id)
		if err != nil {
			return err
		}
		name := c.Name
		if err := change(c); err != nil {
			return err
		}
		if c.ID != id || c.Name != name {
			return fmt.Errorf("update container %q: its id and name are not for that", name)
		}
		return r.rewrite(c)
	})
}

// rewrite replaces container.json, then summary.json, each whole: after a crash between the
// two a reader finds an old summary, so what both say is repaired by doing it again.
func (r Root) rewrite(c *spec.Container) error {
	durable := !c.Remove
	dir := r.Dir(c.ID)
	err := writeRecord(filepath.Join(dir, containerFile), c, durable)
	if err == nil && durable {
		err = errors.Join(writeRecord(filepath.Join(dir, summaryFile), r.summary(c), durable), syncDir(dir))
	}
	if errors.Is(err, fs.ErrNotExist) { // it was moved into trash/ meanwhile
		return fmt.Errorf("container %q: %w", c.Name, errs.ErrNotFound)
	}
	return err
}

// Rename gives a container another name and returns the one that it had. A name that is
// taken gives errs.ErrExists; a container that is still being made errs.ErrInUse.
//
//	symlink Data/names/<new>      EEXIST: the name is taken
//	container.json, summary.json  the new name is on record
//	unlink Data/names/<old>
//
// Killed in between, both names lead to the container, and the record has one of them; the
// next Rename to the same name goes on from there. A removal frees both: what leads nowhere is
// free.
func (r Root) Rename(id, name string) (old string, err error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	err = r.rewriting(id, func() error {
		old, err = r.rename(id, name)
		return err
	})
	return old, err
}

func (r Root) rename(id, name string) (string, error) {
	c, err := r.Load(id)
	if err != nil {
		return "", err
	}
	old := c.Name
	if e, err := r.entry(id); err == nil && e.Starting {
		return "", fmt.Errorf("rename container %q: it is being created: %w", old, errs.ErrInUse)
	}
	names, err := r.namesOf(id)
	if err != nil {
		return "", fmt.Errorf("rename container %q: %w", old, err)
	}
	// A name that leads here already is what a killed rename left.
	if !slices.Contains(names, name) || old == name && len(names) == 1 {
		err := r.reserve(name, id)
		if errors.Is(err, errs.ErrExists) {
			err = errs.WithHint(err, "another name, or rc rm -f "+name)
		}
		if err != nil {
			return "", err
		}
	}
	c.Name = name
	if err := r.record(c); err != nil {
		return "", errors.Join(err, r.unname(id, name))
	}
	if err := r.unnameOthers(id, name); err != nil {
		return "", fmt.Errorf("rename container %q: %w", old, err)
	}
	if missing(filepath.Join(r.Dir(id), containerFile)) { // removed, by the name that it had
		return "", errors.Join(fmt.Errorf("container %q: %w", old, errs.ErrNotFound), r.unname(id, name))
	}
	return old, nil
}

// record puts a new name on record, once the link is sure to survive the record.
func (r Root) record(c *spec.Container) error {
	if !c.Remove {
		if err := syncDir(r.namesDir()); err != nil {
			return err
		}
	}
	return r.rewrite(c)
}

// unnameOthers unlinks every name that leads to a container, but one.
func (r Root) unnameOthers(id, keep string) error {
	return r.lockNames(func() error {
		names, err := r.namesOf(id)
		for _, name := range names {
			if name == keep {
				continue
			}
			if rmErr := os.Remove(r.NamePath(name)); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
				err = errors.Join(err, rmErr)
			}
		}
		return err // not synced: after a power cut both names may lead to the container
	})
}
