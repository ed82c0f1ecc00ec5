package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Remove takes a container away: its name is free, its records are gone; its files wait in
// trash/ for EmptyTrash. A running one gives errs.ErrState, one that is not there (any
// more) errs.ErrNotFound, one that somebody holds, to start it perhaps, errs.ErrInUse. A
// broken record is no obstacle.
func (r Root) Remove(id string) error {
	if !isID(id) {
		return fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	}
	hold, err := r.Hold(id)
	if err != nil {
		return fmt.Errorf("remove container %s: %w", id[:12], err)
	}
	defer hold.Close()
	return r.RemoveHeld(id)
}

// RemoveHeld is Remove for whoever holds the container, or knows that its holder does not start it.
func (r Root) RemoveHeld(id string) error {
	// A record of its run that cannot be read is no obstacle either.
	if _, alive, _ := r.shimOf(id); alive {
		return fmt.Errorf("remove container %s: %w: it is running", id[:12], errs.ErrState)
	}
	var s spec.Summary
	// Without a readable record the name is searched for.
	_ = r.readSummary(id, &s)
	return r.remove(id, s.Name)
}

// Discard is Remove for whoever looks after the container, and knows that it has ended and
// what its name is ("" for one that was made without): its record need not be read, nor be there yet.
func (r Root) Discard(id, name string) error {
	if !isID(id) {
		return fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	}
	if name == "" {
		return r.removeFiles(id, r.trash(r.Dir(id), id))
	}
	if r.named(name) != id {
		name = "" // it was renamed, or is not named yet
	}
	return r.remove(id, name)
}

// remove moves the directory into trash/, and unlinks the name ("" is not known).
func (r Root) remove(id, name string) error {
	// In this order: killed in between, it leaves a name that leads nowhere, which is free, and which the
	// next sweep, or who empties the trash, unlinks; the other way round there would be a container that nobody can name.
	err := r.trash(r.Dir(id), id)
	if unnamed := r.unname(id, name); unnamed != nil {
		return fmt.Errorf("remove container %s: %w", id[:12], errors.Join(err, unnamed))
	}
	return r.removeFiles(id, err)
}

// removeFiles is the rest of a removal, whose outcome so far is err.
func (r Root) removeFiles(id string, err error) error {
	// The runtime directory has files of the user's only.
	runErr := errors.Join(os.RemoveAll(r.RunDir(id)), r.LeaveNetworks(id))
	if errors.Is(err, fs.ErrNotExist) {
		err = errs.ErrNotFound
	}
	if err := errors.Join(err, runErr); err != nil {
		return fmt.Errorf("remove container %s: %w", id[:12], err)
	}
	return nil
}

// unname unlinks the names that lead to a container.
func (r Root) unname(id, name string) error {
	return r.lockNames(func() error {
		names := []string{name}
		// Not known, or not its name any more: a shim does not hear of a rename.
		if name == "" || r.named(name) != id {
			var err error
			if names, err = r.namesOf(id); err != nil {
				return err
			}
		}
		for _, name := range names {
			if r.named(name) != id {
				continue
			}
			if err := os.Remove(r.NamePath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

func (r Root) namesOf(id string) ([]string, error) {
	links, err := os.ReadDir(r.namesDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, l := range links {
		if r.named(l.Name()) == id {
			names = append(names, l.Name())
		}
	}
	return names, nil
}

// trash moves a directory into trash/ in one step.
func (r Root) trash(dir, name string) error {
	target := filepath.Join(r.TrashDir(), name)
	err := os.Rename(dir, target)
	// Which of the two is missing is asked of dir: another rc may be making trash/ right now.
	if errors.Is(err, fs.ErrNotExist) && !missing(dir) {
		if err := mkdir(r.TrashDir()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		err = os.Rename(dir, target)
	}
	if errors.Is(err, fs.ErrExist) { // ENOTEMPTY: the same id was there before
		err = os.Rename(dir, target+"."+strconv.FormatInt(time.Now().UnixNano(), 36))
	}
	return err
}
