package oci

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// hidePaths covers the masked paths and makes others read-only. What does not exist needs
// neither.
func (c *child) hidePaths() error {
	if len(c.masked) > 0 {
		if err := c.maskPaths(); err != nil {
			return err
		}
	}
	for _, path := range c.readonlys {
		if err := c.makeReadonly(path); err != nil {
			return fmt.Errorf("make %q read-only: %w", path, err)
		}
	}
	return nil
}

// maskPaths puts /dev/null over files and one empty read-only directory over directories.
func (c *child) maskPaths() error {
	null, err := unix.Open("/dev/null", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	defer unix.Close(null)
	var st unix.Stat_t
	if err := unix.Fstat(null, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != unix.Mkdev(1, 3) {
		return fmt.Errorf("/dev/null of the host is not the null device: %w", errors.Join(err, unix.ENODEV))
	}
	empty := -1 // the first directory that was covered: the others get copies of its cover
	defer func() {
		if empty >= 0 {
			_ = unix.Close(empty)
		}
	}()
	for _, path := range c.masked {
		if err := c.mask(path, null, &empty); err != nil {
			return fmt.Errorf("mask %q: %w", path, err)
		}
	}
	return nil
}

func (c *child) mask(path string, null int, empty *int) error {
	fd, err := linux.OpenInRoot(c.root, path, unix.O_PATH)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	source := null
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if *empty < 0 {
			const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
			if err := unix.Mount("tmpfs", linux.FDPath(fd), "tmpfs", flags, "size=0k,mode=755"); err != nil {
				return err
			}
			*empty, err = linux.OpenInRoot(c.root, path, unix.O_PATH)
			return err
		}
		source = *empty
	}
	tree, err := linux.CloneTree(source, "", false)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	return linux.AttachTree(tree, fd, "")
}

func (c *child) makeReadonly(path string) error {
	fd, err := linux.OpenInRoot(c.root, path, unix.O_PATH)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	tree, err := linux.CloneTree(fd, "", true)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	err = linux.SetMountAttr(tree, true, &attr)
	if err != nil && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if attached := linux.AttachTree(tree, fd, ""); attached != nil || err == nil {
		return attached
	}
	return c.setAttr(tree, true, &attr) // Linux < 5.12: only after it is attached
}

// absent tells that there is nothing at a path.
func absent(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) }
