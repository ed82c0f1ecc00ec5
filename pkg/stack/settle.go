package stack

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// settler makes a layer of the upper directory of an overlay, in its place: what the archive leaves out is deleted,
// and the marks of fuse-overlayfs become those that package layer makes. Turned off it does nothing.
type settler struct{ on, dotWh bool }

// drop deletes what is not part of the layer.
func (s settler) drop(dir int, name string) error {
	if !s.on {
		return nil
	}
	err := unix.Unlinkat(dir, name, 0)
	if errors.Is(err, unix.EISDIR) {
		// dir is a descriptor, so the name has one component that is followed: none.
		err = os.RemoveAll(linux.FDPath(dir) + "/" + name)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete %q, which is not part of the layer: %w", name, err)
	}
	return nil
}

// whiteout makes a character device of a ".wh." file.
func (s settler) whiteout(dir int, mark, name string) error {
	if !s.on || s.dotWh || mark == name {
		return nil
	}
	if err := unix.Unlinkat(dir, mark, 0); err != nil {
		return fmt.Errorf("replace whiteout %q: %w", mark, err)
	}
	err := unix.Mknodat(dir, name, unix.S_IFCHR, 0)
	if errors.Is(err, unix.EEXIST) {
		// What is there hides a file below it by itself, and a directory if it is told to.
		fd, st, err := At(dir, name)
		if err != nil || fd < 0 {
			return err
		}
		defer unix.Close(fd)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return nil
		}
		return SetOpaque(fd, false)
	}
	if err != nil {
		return fmt.Errorf("make whiteout %q: %w", name, err)
	}
	return nil
}

// opaque leaves of a directory's marks the one that package layer makes, if it hides something.
func (s settler) opaque(dir int, hides bool) error {
	if !s.on || s.dotWh && hides {
		return nil
	}
	if err := unix.Unlinkat(dir, OpaqueFile, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("replace %s: %w", OpaqueFile, err)
	}
	if !hides {
		return nil
	}
	return SetOpaque(dir, false)
}

// times gives a directory in which something was settled the times that the archive says it has.
func (s settler) times(dir int, was *unix.Stat_t) error {
	var now unix.Stat_t
	if !s.on {
		return nil
	}
	if err := unix.Fstat(dir, &now); err != nil || now.Mtim == was.Mtim {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, linux.FDPath(dir), []unix.Timespec{was.Atim, was.Mtim}, 0)
}

// SetOpaque makes a directory hide those below it; dotWh does it by a ".wh." file, which only fuse-overlayfs understands.
func SetOpaque(dir int, dotWh bool) error {
	if dotWh {
		err := unix.Mknodat(dir, OpaqueFile, unix.S_IFREG|0o600, 0)
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("make a directory opaque: %w", err)
		}
		return nil
	}
	if err := unix.Setxattr(linux.FDPath(dir), opaqueXattr, []byte{'y'}, 0); err != nil {
		return fmt.Errorf("make a directory opaque: %w", err)
	}
	return nil
}
