package oci

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// ownedTree is a bind mount with the option "U".
type ownedTree struct {
	target string
	mount  int          // descriptor of the mount
	then   []attrChange // what has to wait until it is the user's
}

// own notes that a tree shall become the container's user's, who is known only after
// everything is mounted, and leaves in m what may be done to the mount before.
func (c *child) own(m *mount, tree int) error {
	fd, err := unix.FcntlInt(uintptr(tree), unix.F_DUPFD_CLOEXEC, firstExtra)
	if err != nil {
		return err
	}
	o := ownedTree{target: m.target, mount: fd}
	if m.set&unix.MOUNT_ATTR_RDONLY != 0 {
		o.then = append(o.then, attrChange{attr: unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}, recursive: m.recursive && !m.top})
	}
	if m.setAll&unix.MOUNT_ATTR_RDONLY != 0 {
		o.then = append(o.then, attrChange{attr: unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}, recursive: true})
	}
	m.set &^= unix.MOUNT_ATTR_RDONLY
	m.setAll &^= unix.MOUNT_ATTR_RDONLY
	c.owned = append(c.owned, o)
	return nil
}

// chownTrees gives the trees of own to the user.
func (c *child) chownTrees() error {
	for _, o := range c.owned {
		err := chownTree(o.mount, int(c.who.uid), int(c.who.gid))
		if errors.Is(err, unix.EPERM) && c.nested() {
			err = c.askToOwn(o.mount)
		}
		if err != nil {
			return fmt.Errorf("change owner of %q to %d:%d: %w", o.target, c.who.uid, c.who.gid, err)
		}
		for i := range o.then {
			if err := c.setAttr(o.mount, o.then[i].recursive, &o.then[i].attr); err != nil {
				return fmt.Errorf("make %q read-only: %w", o.target, err)
			}
		}
		_ = unix.Close(o.mount)
	}
	return nil
}

// chownTree changes the owner of what dir, an O_PATH descriptor, refers to and of
// everything in it on the same mount. Symlinks are changed themselves.
func chownTree(file, uid, gid int) error {
	var st unix.Stat_t
	if err := unix.Fstat(file, &st); err != nil {
		return err
	}
	// One that is right already keeps its setuid bit and its times.
	if int(st.Uid) != uid || int(st.Gid) != gid {
		if err := unix.Fchownat(file, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
			return err
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	fd, err := unix.Openat(file, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), "directory")
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := chownEntry(fd, name, uid, gid); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

// chownEntry does it for one name in a directory, which somebody who shares it may
// exchange meanwhile: what the name means is looked up once.
func chownEntry(dir int, name string, uid, gid int) error {
	fd, err := linux.OpenEntry(dir, name)
	switch {
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENOENT):
		return nil // another mount, or gone
	case err != nil:
		return err
	}
	defer unix.Close(fd)
	return chownTree(fd, uid, gid)
}
