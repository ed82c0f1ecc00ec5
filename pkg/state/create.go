package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Dir is a container being made: its name and directory are the caller's until Close.
type Dir struct {
	ID, Name string

	root Root
	lock *os.File // the directory, flocked
}

// Path is the container's directory.
func (d *Dir) Path() string { return d.root.Dir(d.ID) }

// RunPath is the container's runtime directory.
func (d *Dir) RunPath() string { return d.root.RunDir(d.ID) }

// Create reserves a name and makes the directories of a container, which begins to exist
// with WriteContainer. A name that is taken gives errs.ErrExists. The caller closes Dir when
// the container is started or abandoned; what it then has not written is garbage. Without a name
// it is a container that nobody can find, for as long as Dir is open.
func (r Root) Create(id, name string) (*Dir, error) {
	if name != "" {
		if err := CheckName(name); err != nil {
			return nil, err
		}
	}
	if !isID(id) {
		return nil, errs.Invalidf("container id %q: want %d hex digits", id, idLength)
	}
	d := &Dir{ID: id, Name: name, root: r}
	if err := mkdir(d.RunPath()); err != nil {
		return nil, fmt.Errorf("create container %q: %w", name, err)
	}
	if err := d.makeLocked(); err != nil {
		return nil, errors.Join(fmt.Errorf("create container %q: %w", name, err), os.Remove(d.RunPath()))
	}
	if name == "" {
		return d, nil
	}
	if err := r.reserve(name, id); err != nil {
		return nil, errors.Join(err, os.Remove(d.Path()), os.Remove(d.RunPath()), d.Close())
	}
	return d, nil
}

// Close ends the creator's hold.
func (d *Dir) Close() error { return d.lock.Close() }

// Discard takes away what Create made. What has never run has files of the user's only, for
// which the trash needs no user namespace: there may be none to be had.
func (d *Dir) Discard() error {
	err := d.root.Discard(d.ID, d.Name)
	if errors.Is(err, errs.ErrNotFound) {
		err = nil // the shim was faster
	}
	_ = os.RemoveAll(filepath.Join(d.root.TrashDir(), d.ID)) // what stays waits for EmptyTrash
	return errors.Join(err, d.Close())
}

// mkdir makes a directory and, the first time, those above it.
func mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeAll(filepath.Dir(path)); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	}
	return err
}

// makeAll makes a directory and those above it, and sees to it that they survive a power cut:
// WriteContainer syncs what is in them, which would be of no use without.
func makeAll(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		if err = makeAll(filepath.Dir(path)); err == nil {
			err = os.Mkdir(path, 0o700)
		}
	}
	switch {
	case err == nil:
		_ = syncDir(filepath.Dir(path)) // a directory that may be written to, not read, is odd, and no obstacle
		return nil
	case errors.Is(err, fs.ErrExist):
		return nil // somebody was faster; if it is no directory, its user will say so
	}
	return err
}

// makeLocked makes the directory and locks it. A sweep may take it away between the two.
func (d *Dir) makeLocked() error {
	for {
		err := mkdir(d.Path())
		if err != nil {
			return err
		}
		f, err := os.Open(d.Path())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := flock(f, unix.LOCK_EX); err != nil {
			return errors.Join(fmt.Errorf("lock %q: %w", d.Path(), err), f.Close())
		}
		if samePlace(f, d.Path()) {
			d.lock = f
			// A sweep that took the first one away took the runtime directory, too.
			if err := mkdir(d.RunPath()); err != nil && !errors.Is(err, fs.ErrExist) {
				return errors.Join(err, f.Close())
			}
			return nil
		}
		f.Close()
	}
}

// samePlace says whether path still is the file that was opened.
func samePlace(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, there)
}

// reserve makes the link of a name: the file system sees to it that one creator gets it.
func (r Root) reserve(name, id string) error {
	link, target := r.NamePath(name), linkTarget(id)
	for range 100 {
		err := os.Symlink(target, link)
		if errors.Is(err, fs.ErrNotExist) {
			if err = makeAll(r.namesDir()); err == nil {
				continue
			}
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("reserve name %q: %w", name, err)
		}
		freed, err := r.freeName(name)
		if err != nil {
			return fmt.Errorf("reserve name %q: %w", name, err)
		}
		if !freed {
			return errs.WithHint(fmt.Errorf("container name %q: %w", name, errs.ErrExists),
				fmt.Sprintf("rc rm -f %s, or use another --name, or --replace", name))
		}
	}
	return fmt.Errorf("reserve name %q: %w: others keep taking it", name, errs.ErrExists)
}

func linkTarget(id string) string { return filepath.Join("..", "containers", id) }

// named is the id that a name leads to, "" for none.
func (r Root) named(name string) string {
	target, err := os.Readlink(r.NamePath(name))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

// freeName unlinks a name that leads to nothing, or to what a dead creator left.
func (r Root) freeName(name string) (bool, error) {
	// Without the lock first: most names that are taken are taken rightly.
	if id := r.named(name); id != "" && !r.garbage(id) {
		return false, nil
	}
	freed := true
	err := r.lockNames(func() error {
		id := r.named(name)
		if id == "" {
			return nil // somebody else did it
		}
		if !r.garbage(id) {
			freed = false
			return nil
		}
		return os.Remove(r.NamePath(name))
	})
	return freed, err
}

// lockNames runs f while nobody else unlinks names.
func (r Root) lockNames(f func() error) error {
	d, err := os.Open(r.namesDir())
	if errors.Is(err, fs.ErrNotExist) {
		return f()
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := flock(d, unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %q: %w", r.namesDir(), err)
	}
	return f()
}

// garbage says whether a container's directory holds no container and has no creator.
func (r Root) garbage(id string) bool {
	if !isID(id) {
		return true
	}
	if r.recorded(id) || r.held(id) {
		return false
	}
	// The creator may have written the record and gone between the two looks.
	return !r.recorded(id)
}

// recorded says whether there is a record of a container, be it a broken one. An empty file is
// none: records are written whole, and synced but for those of containers with Remove, so that
// a power cut can leave that of such a one only, which has no summary and went with the power.
func (r Root) recorded(id string) bool {
	info, err := os.Lstat(filepath.Join(r.Dir(id), containerFile))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return info.Size() > 0 || !missing(filepath.Join(r.Dir(id), summaryFile))
}

// held says whether a living creator has a container's directory.
func (r Root) held(id string) bool {
	fd, err := unix.Open(r.Dir(id), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	// A shared lock does not keep other readers from looking at the same time.
	return errors.Is(unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
