package oci

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// CopyUp does for a volume that is used before its container was started what the start would do.
func CopyUp(path string, target int) error { return copyUpVolume(path, target) }

// copyUpVolume fills the directory at path, the source of a volume, with what the image
// has at target, if there is nothing in it yet: docker's behaviour for new volumes.
func copyUpVolume(path string, target int) error {
	volume, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ENOTDIR) {
		return nil // a file is never empty in this sense
	}
	if err != nil {
		return err
	}
	defer volume.Close()
	if _, err := volume.Readdirnames(1); !errors.Is(err, io.EOF) {
		return err // nil: it holds something
	}
	return copyDirectory(target, int(volume.Fd()))
}

// copyDirectory copies what is in the directory from, and its own owner, mode and
// attributes, to the directory to. Both may be O_PATH descriptors. It stays on one file
// system: what is mounted below from is not the image's.
func copyDirectory(from, to int) error {
	c := copier{links: map[uint64]link{}}
	var st unix.Stat_t
	if err := unix.Fstat(from, &st); err != nil {
		return err
	}
	c.device = st.Dev
	src, err := openDir(from, ".")
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := openDir(to, ".")
	if err != nil {
		return err
	}
	defer dst.Close()
	return c.directory(src, dst, &st)
}

// copier is one copy of a tree.
type copier struct {
	device uint64
	links  map[uint64]link // files with several names, by inode number
}

// link is where a file with several names was put first.
type link struct {
	dir  int // duplicated descriptor
	name string
}

func openDir(dir int, name string) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// directory copies entries first and the directory's own properties last: a mode without
// write permission or a time must not suffer from them.
func (c *copier) directory(src, dst *os.File, st *unix.Stat_t) error {
	names, err := src.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.entry(src, dst, name); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return copyProperties(int(src.Fd()), int(dst.Fd()), st)
}

func (c *copier) entry(src, dst *os.File, name string) error {
	var st unix.Stat_t
	from, to := int(src.Fd()), int(dst.Fd())
	if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
		if first, ok := c.links[st.Ino]; ok {
			return unix.Linkat(first.dir, first.name, to, name, 0)
		}
		c.links[st.Ino] = link{to, name}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if st.Dev != c.device {
			return nil
		}
		return c.subdirectory(from, to, name, &st)
	case unix.S_IFREG:
		return copyFile(from, to, name, &st)
	case unix.S_IFLNK:
		return copyLink(from, to, name, &st)
	case unix.S_IFIFO, unix.S_IFSOCK:
		if err := unix.Mknodat(to, name, st.Mode, 0); err != nil {
			return err
		}
		return unix.Fchownat(to, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
	}
	return nil // device nodes cannot be made by an ordinary user, and do not belong here
}

func (c *copier) subdirectory(from, to int, name string, st *unix.Stat_t) error {
	if err := unix.Mkdirat(to, name, 0o700); err != nil {
		return err
	}
	src, err := openDir(from, name)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := openDir(to, name)
	if err != nil {
		return err
	}
	defer dst.Close()
	return c.directory(src, dst, st)
}

func copyFile(from, to int, name string, st *unix.Stat_t) error {
	fd, err := unix.Openat(from, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	src := os.NewFile(uintptr(fd), name)
	defer src.Close()
	fd, err = unix.Openat(to, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	dst := os.NewFile(uintptr(fd), name)
	_, err = io.Copy(dst, src) // copy_file_range(2) where it works
	if err == nil {
		err = copyProperties(int(src.Fd()), int(dst.Fd()), st)
	}
	if closed := dst.Close(); err == nil {
		err = closed
	}
	return err
}

func copyLink(from, to int, name string, st *unix.Stat_t) error {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(from, name, target)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(string(target[:n]), to, name); err != nil {
		return err
	}
	return unix.Fchownat(to, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

// copyProperties copies owner, mode, extended attributes and times, in this order: chown
// clears setuid bits and file capabilities.
func copyProperties(from, to int, st *unix.Stat_t) error {
	if err := unix.Fchown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(to, st.Mode&0o7777); err != nil {
		return err
	}
	if err := copyAttributes(from, to); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	return unix.UtimesNanoAt(to, "", times, unix.AT_EMPTY_PATH)
}

// copyAttributes copies extended attributes, as far as the target's file system has them.
func copyAttributes(from, to int) error {
	size, err := unix.Flistxattr(from, nil)
	if errors.Is(err, unix.ENOTSUP) || err == nil && size == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	names := make([]byte, size)
	if size, err = unix.Flistxattr(from, names); err != nil {
		return err
	}
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for start, end := 0, 0; end < size; end++ {
		if names[end] != 0 {
			continue
		}
		name := string(names[start:end])
		start = end + 1
		n, err := unix.Fgetxattr(from, name, value)
		if err == nil {
			err = unix.Fsetxattr(to, name, value[:n], 0)
		}
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("attribute %q: %w", name, err)
		}
	}
	return nil
}
