package oci

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/wire"
)

// File is a file that the container gets from memory: it is on no disk.
type File struct {
	Path string // absolute, in the container
	Data []byte
	// UID and GID are the container's.
	UID, GID, Mode uint32
}

func (f *File) fields(c *wire.Coder) {
	c.Text(&f.Path)
	c.Block(&f.Data)
	wire.Number(c, &f.UID)
	wire.Number(c, &f.GID)
	wire.Number(c, &f.Mode)
}

// SetFiles gives the container files that were not at hand when the order was made. Each is
// mounted read-only on its path, over what mounts there are.
func (o *Order) SetFiles(files []File) { o.o.files = files }

// SetEnv replaces the command's environment.
func (o *Order) SetEnv(env []string) { o.o.env = env }

// Env is the command's environment so far.
func (o *Order) Env() []string { return o.o.env }

// placeFiles puts the order's files into a tmpfs and mounts each of them where it belongs. The
// tmpfs itself stays invisible: it lies over the root's mount point, which nobody looks at by its
// path any more, and is taken away again.
func (c *child) placeFiles() error {
	if len(c.files) == 0 {
		return nil
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("tmpfs", c.rootfs, "tmpfs", flags, "mode=0700"); err != nil {
		return fmt.Errorf("mount tmpfs for secrets: %w", err)
	}
	dir, err := unix.Open(c.rootfs, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open tmpfs for secrets: %w", err)
	}
	for i := range c.files {
		if err := c.placeFile(dir, &c.files[i]); err != nil {
			return fmt.Errorf("secret on %q: %w", c.files[i].Path, err)
		}
	}
	_ = unix.Close(dir)
	if err := unix.Unmount(c.rootfs, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount tmpfs for secrets: %w", err)
	}
	return nil
}

func (c *child) placeFile(dir int, f *File) error {
	const name = "file" // one after the other: what is mounted needs no name any more
	fd, err := unix.Openat(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for data := f.Data; len(data) > 0; {
		n, err := unix.Write(fd, data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	if err := unix.Fchown(fd, int(f.UID), int(f.GID)); err != nil {
		if errors.Is(err, unix.EINVAL) {
			return errs.WithHint(fmt.Errorf("owner %d:%d: the container has no such id", f.UID, f.GID),
				"take ids that it has: see /proc/self/uid_map in it")
		}
		return fmt.Errorf("owner %d:%d: %w", f.UID, f.GID, err)
	}
	if err := unix.Fchmod(fd, f.Mode); err != nil {
		return fmt.Errorf("mode %#o: %w", f.Mode, err)
	}
	tree, err := linux.CloneTree(dir, name, false)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	target, err := c.bindTarget(tree, f.Path)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if err := linux.AttachTree(tree, target, ""); err != nil {
		return err
	}
	const attr = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	if err := c.setAttr(tree, false, &unix.MountAttr{Attr_set: attr, Propagation: unix.MS_PRIVATE}); err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, 0)
}
