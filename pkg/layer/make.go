package layer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// modeBits are permissions, setuid, setgid and sticky: the same numbers in tar and chmod(2).
const modeBits = 0o7777

func (u *unpacker) rootEntry(h *tar.Header) error {
	if h.Typeflag != tar.TypeDir {
		return errs.Invalidf("the root is not a directory")
	}
	if err := u.owner(h); err != nil {
		return err
	}
	mode := h.FileInfo().Mode()
	u.res.RootMode = &mode
	return u.directoryAttributes(int(u.root.Fd()), ".", h)
}

func (u *unpacker) directory(parent int, name, base string, h *tar.Header) error {
	err := unix.Mkdirat(parent, base, 0o700)
	if errors.Is(err, unix.EEXIST) && !isDirectory(parent, base) {
		if err := remove(parent, base); err != nil {
			return err
		}
		err = unix.Mkdirat(parent, base, 0o700)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if u.whiteouts[name] {
		// Deleted and made anew in one layer: nothing of the lower one may show through.
		delete(u.whiteouts, name)
		if err := u.opaque(fd); err != nil {
			return err
		}
	}
	return u.directoryAttributes(fd, name, h)
}

func isDirectory(parent int, base string) bool {
	var st unix.Stat_t
	err := unix.Fstatat(parent, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

func (u *unpacker) directoryAttributes(fd int, name string, h *tar.Header) error {
	if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
		return fmt.Errorf("chown: %w", err)
	}
	if err := unix.Fchmod(fd, uint32(h.Mode&modeBits)); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	u.dirs = append(u.dirs, dirTime{name, times(h)})
	return setXattrs(procPath(fd), h)
}

func (u *unpacker) regular(parent int, name, base string, h *tar.Header, r io.Reader) error {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd := -1
	err := u.replacing(parent, name, base, func() (err error) {
		fd, err = unix.Openat(parent, base, flags, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	// Hidden in a struct: io.CopyBuffer would take a ReaderFrom and allocate its own buffer.
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, r, u.buf); err != nil {
		return err
	}
	if h.Uid != 0 || h.Gid != 0 {
		if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
			return fmt.Errorf("chown: %w", err)
		}
	}
	// After chown(2), which takes setuid and setgid away, as it does file capabilities.
	if err := unix.Fchmod(fd, uint32(h.Mode&modeBits)); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	if err := setXattrs(procPath(fd), h); err != nil {
		return err
	}
	if err := setTimes(fd, times(h)); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	// Some file systems report a full disk only here.
	return f.Close()
}

// link makes a hard link to a file of the same layer.
func (u *unpacker) link(parent int, name, base string, h *tar.Header) error {
	target, err := clean(h.Linkname)
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", h.Linkname, err)
	}
	dir, targetBase := path.Split(target)
	fd, err := u.resolve(path.Clean(dir))
	if err == nil {
		defer unix.Close(fd)
		if same(fd, targetBase, parent, base) {
			return nil // removing the old entry would remove the target
		}
		err = u.replacing(parent, name, base, func() error { return unix.Linkat(fd, targetBase, parent, base, 0) })
	}
	if errors.Is(err, unix.ENOENT) {
		return errs.Invalidf("hard link to %q, which the archive does not have before it", h.Linkname)
	}
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", h.Linkname, err)
	}
	return nil
}

func same(fd1 int, base1 string, fd2 int, base2 string) bool {
	var a, b unix.Stat_t
	return unix.Fstatat(fd1, base1, &a, unix.AT_SYMLINK_NOFOLLOW) == nil && unix.Fstatat(fd2, base2, &b, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		a.Dev == b.Dev && a.Ino == b.Ino
}

// attributes sets owner, mode and times of a symbolic link or a fifo.
func (u *unpacker) attributes(parent int, base string, h *tar.Header) error {
	if err := unix.Fchownat(parent, base, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("chown: %w", err)
	}
	if h.Typeflag == tar.TypeFifo {
		if err := unix.Fchmodat(parent, base, uint32(h.Mode&modeBits), 0); err != nil {
			return fmt.Errorf("chmod: %w", err)
		}
	}
	ts := times(h)
	if err := unix.UtimesNanoAt(parent, base, ts[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

func setTimes(fd int, ts [2]unix.Timespec) error {
	return unix.UtimesNanoAt(unix.AT_FDCWD, procPath(fd), ts[:], 0)
}
