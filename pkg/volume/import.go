package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Import puts what unpack makes in an empty directory into the volume, over what is there. It
// is called in the default map. An error of unpack leaves the volume as it was. Killed while it
// moves the files into place, the next import, export or container goes on with that.
func (r Root) Import(name string, unpack func(dir string) error) error {
	lock, err := r.lockImport(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := r.finishLocked(name); err != nil {
		return err
	}
	temp := filepath.Join(r.Dir(name), unpackDir)
	if err := os.RemoveAll(temp); err != nil { // of a killed one
		return err
	}
	err = os.Mkdir(temp, 0o755)
	if err == nil {
		err = unpack(temp)
	}
	if err == nil {
		err = syncFS(temp)
	}
	if err == nil {
		err = os.Rename(temp, filepath.Join(r.Dir(name), importDir))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(temp))
	}
	return r.finishLocked(name)
}

// Pending says whether an import was killed, or is about to be done.
func (r Root) Pending(name string) bool {
	_, err := os.Lstat(filepath.Join(r.Dir(name), importDir))
	return err == nil
}

// Finish ends an import that was killed; one that lives is waited for.
func (r Root) Finish(name string) error {
	if !r.Pending(name) {
		return nil
	}
	lock, err := r.lockImport(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	return r.finishLocked(name)
}

func (r Root) lockImport(name string) (*os.File, error) {
	path := filepath.Join(r.Dir(name), lockFile)
	lock, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("volume %q: %w", name, errs.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	if err := flock(lock, unix.LOCK_EX); err != nil {
		lock.Close()
		return nil, fmt.Errorf("lock %q: %w", path, err)
	}
	return lock, nil
}

// finishLocked moves what was unpacked into place.
func (r Root) finishLocked(name string) error {
	from := filepath.Join(r.Dir(name), importDir)
	src, err := openDir(unix.AT_FDCWD, from)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := openDir(unix.AT_FDCWD, r.Path(name))
	if err == nil {
		err = merge(src, dst)
		dst.Close()
	}
	if err != nil {
		return fmt.Errorf("move what was imported into volume %q: %w", name, err)
	}
	// It has something of a user's in it now, and is filled by no image.
	if err := os.Remove(filepath.Join(r.Dir(name), unfilledFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(from)
}

// openDir follows no link: a container may be exchanging names at the same time.
func openDir(dir int, name string) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// merge moves the entries of one directory into another one. Directories are merged, and
// everything else replaces what has its name.
func merge(src, dst *os.File) error {
	names, err := src.Readdirnames(-1)
	if err != nil {
		return err
	}
	from, to := int(src.Fd()), int(dst.Fd())
	for _, name := range names {
		if err := mergeEntry(from, to, name); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

func mergeEntry(from, to int, name string) error {
	theirs, err := openDir(from, name)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return replace(from, to, name)
	}
	if err != nil {
		return err
	}
	defer theirs.Close()
	ours, err := openDir(to, name)
	if err != nil { // there is none, or it is no directory
		return replace(from, to, name)
	}
	defer ours.Close()
	if err := merge(theirs, ours); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(theirs.Fd()), &st); err != nil {
		return err
	}
	if err := unix.Fchown(int(ours.Fd()), int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(int(ours.Fd()), st.Mode&0o7777); err != nil {
		return err
	}
	return unix.UtimesNanoAt(int(ours.Fd()), "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH)
}

// replace moves one entry over what is there.
func replace(from, to int, name string) error {
	err := unix.Renameat(from, name, to, name)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	// A directory by something else, or the other way round.
	root, err := os.OpenRoot(linux.FDPath(to))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := root.RemoveAll(name); err != nil {
		return err
	}
	return unix.Renameat(from, name, to, name)
}
