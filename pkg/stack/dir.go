package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Dir is a directory as several layers have it: descriptors (O_PATH) of those that show
// through, topmost first. Close it.
type Dir []int

// Open opens the layers, topmost first; those that do not exist are left out.
func Open(layers ...string) (Dir, error) {
	var d Dir
	for _, path := range layers {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			d.Close()
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		d = append(d, fd)
	}
	return d, nil
}

// Close closes the descriptors.
func (d Dir) Close() {
	for _, fd := range d {
		unix.Close(fd)
	}
}

// Entry is what a name stands for in a Dir. Close it.
type Entry struct {
	// FD is an O_PATH descriptor of what is seen, Stat what that is.
	FD   int
	Stat unix.Stat_t
	// Below has all directories that show through where it is one: FD is its first.
	Below Dir
}

// IsDir says whether it is a directory.
func (e *Entry) IsDir() bool { return e.Stat.Mode&unix.S_IFMT == unix.S_IFDIR }

// Close closes what the entry has open.
func (e *Entry) Close() {
	if e.Below == nil {
		unix.Close(e.FD)
	}
	e.Below.Close()
}

// LookUp gives what a name stands for, nil for nothing.
func (d Dir) LookUp(name string) (*Entry, error) {
	var e *Entry
	for _, dir := range d {
		fd, st, err := At(dir, name)
		if err == nil && fd < 0 {
			if hidden(dir, name) {
				break
			}
			continue
		}
		if err != nil {
			if e != nil {
				e.Close()
			}
			return nil, err
		}
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if IsWhiteout(st) || !isDir && e != nil {
			unix.Close(fd)
			break // hidden, by it or by a directory above it
		}
		if !isDir {
			return &Entry{FD: fd, Stat: *st}, nil
		}
		if e == nil {
			e = &Entry{FD: fd, Stat: *st}
		}
		e.Below = append(e.Below, fd)
		if IsOpaque(fd) || hidden(dir, name) {
			break
		}
	}
	return e, nil
}

// Has says whether a name stands for something.
func (d Dir) Has(name string) (bool, error) {
	e, err := d.LookUp(name)
	if e == nil || err != nil {
		return false, err
	}
	e.Close()
	return true, nil
}

// Names are all that one of the layers has, sorted; LookUp knows which of them are seen.
func (d Dir) Names() ([]string, error) {
	var all []string
	for _, fd := range d {
		names, err := List(fd)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if _, hides := Whiteout(name); !hides && name != OpaqueFile {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// At opens a name in one directory (O_PATH) without following links; -1 is for one that is not there.
func At(dir int, name string) (int, *unix.Stat_t, error) {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, nil, nil
	}
	if err != nil {
		return -1, nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, nil, fmt.Errorf("stat %q: %w", name, err)
	}
	return fd, &st, nil
}

// List gives the names in one directory, sorted.
func List(dir int) ([]string, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("list directory: %w", err)
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have been removed
		return nil, fmt.Errorf("list directory: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// Names by which fuse-overlayfs, image layers, and layers on disks without attributes hide what
// is below.
const (
	WhiteoutPrefix = ".wh."
	OpaqueFile     = ".wh..wh..opq"
)

// opaqueXattr makes a directory opaque for kernel overlays mounted with userxattr and for fuse-overlayfs.
const opaqueXattr = "user.overlay.opaque"

// Whiteout is the name that a file hides by its own name.
func Whiteout(name string) (string, bool) {
	hides, ok := strings.CutPrefix(name, WhiteoutPrefix)
	return hides, ok && name != OpaqueFile
}

func hidden(dir int, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, WhiteoutPrefix+name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// IsWhiteout: a character device 0/0, of the kernel's overlayfs and of fuse-overlayfs.
func IsWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// IsOpaque says whether a directory hides those of the same name below it. The descriptor may be O_PATH.
func IsOpaque(dir int) bool {
	path := linux.FDPath(dir)
	for _, name := range []string{opaqueXattr, "user.fuseoverlayfs.opaque", "trusted.overlay.opaque"} {
		var value [1]byte
		if n, err := unix.Getxattr(path, name, value[:]); err == nil && n == 1 && value[0] == 'y' {
			return true
		}
	}
	var st unix.Stat_t
	return unix.Fstatat(dir, OpaqueFile, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}
