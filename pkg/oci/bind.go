package oci

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// bind makes a bind mount: a detached copy of the source, with its options, is put onto
// the target in one step.
func (c *child) bind(m *mount) error {
	if m.copyLink {
		if done, err := c.copyLink(m); done || err != nil {
			return err
		}
	}
	tree, err := c.tree(m.source, m.recursive)
	if errors.Is(err, unix.EINVAL) && !m.recursive {
		// mount_namespaces(7): a mount below may hide something, so it has to come along.
		return errs.WithHint(err, "something is mounted below the source: use rbind")
	}
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if m.chown {
		// What makes it read-only has to wait until the owners are changed.
		if err := c.own(m, tree); err != nil {
			return err
		}
	}
	target, err := c.bindTarget(tree, m.target)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if m.copyUp {
		if err := copyUpVolume(linux.FDPath(tree), target); err != nil {
			return fmt.Errorf("copy what the image has there: %w", err)
		}
	}
	attrs := m.attrs()
	if err := applyAttrs(tree, attrs); err == nil {
		return linux.AttachTree(tree, target, "")
	} else if !errors.Is(err, unix.ENOSYS) {
		if errors.Is(err, unix.EPERM) && m.changesAccessTime() {
			return errs.WithHint(err, "the source's file system is the host's, which decides on access times: "+
				"leave out noatime, nodiratime, relatime, strictatime")
		}
		return err
	}
	if m.setAll != 0 {
		return errs.WithHint(errors.New("what is mounted below the source cannot be changed by this kernel"), "rc needs Linux 5.12 for that")
	}
	// Before Linux 5.12 only what is attached can be changed; the container is not running.
	if err := linux.AttachTree(tree, target, ""); err != nil {
		return err
	}
	for _, a := range attrs {
		if err := c.setAttr(tree, a.recursive, &a.attr); err != nil {
			return err
		}
	}
	return nil
}

// copyLink makes a symbolic link like the source; false where the source is none.
func (c *child) copyLink(m *mount) (bool, error) {
	link, err := os.Readlink(m.source)
	if errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	parent, err := linux.MkdirAllInRoot(c.root, path.Dir(m.target), 0o755)
	if err != nil {
		return false, err
	}
	defer unix.Close(parent)
	err = unix.Symlinkat(link, parent, path.Base(m.target))
	if errors.Is(err, unix.EEXIST) { // of the last start, perhaps
		have := make([]byte, unix.PathMax)
		if n, readErr := unix.Readlinkat(parent, path.Base(m.target), have); readErr == nil && string(have[:n]) == link {
			err = nil
		}
	}
	return true, err
}

// attrChange is one call of mount_setattr(2).
type attrChange struct {
	attr      unix.MountAttr
	recursive bool
	// tolerant: a flag that the source's owner has locked stays.
	tolerant bool
}

// attrs are the changes that the options ask for. A read-only recursive bind mount is
// read-only all the way down, as docker has it since 25.
func (m *mount) attrs() []attrChange {
	propagation := m.propagation &^ unix.MS_REC
	if propagation == 0 {
		propagation = unix.MS_PRIVATE // docker's default is rprivate
	}
	set := m.set | m.setAll
	var changes []attrChange
	if m.top {
		set &^= unix.MOUNT_ATTR_RDONLY
		changes = append(changes, attrChange{attr: unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}})
	}
	changes = append([]attrChange{{attr: unix.MountAttr{Attr_set: set, Propagation: propagation}, recursive: m.recursive}}, changes...)
	if m.clear&unix.MOUNT_ATTR__ATIME != 0 {
		changes[0].attr.Attr_clr = unix.MOUNT_ATTR__ATIME
	}
	// A source that is read-only stays so without an error, whatever the default "rw" says.
	if off := m.clear &^ (unix.MOUNT_ATTR__ATIME | unix.MOUNT_ATTR_RDONLY); off != 0 {
		changes = append(changes, attrChange{attr: unix.MountAttr{Attr_clr: off}, tolerant: true})
	}
	if m.clearAll != 0 {
		changes = append(changes, attrChange{attr: unix.MountAttr{Attr_clr: m.clearAll}, recursive: true, tolerant: true})
	}
	return changes
}

func (m *mount) changesAccessTime() bool {
	return (m.set|m.clear|m.setAll|m.clearAll)&(unix.MOUNT_ATTR__ATIME|unix.MOUNT_ATTR_NODIRATIME) != 0
}

func applyAttrs(tree int, changes []attrChange) error {
	for i := range changes {
		err := linux.SetMountAttr(tree, changes[i].recursive, &changes[i].attr)
		if err != nil && (!changes[i].tolerant || !errors.Is(err, unix.EPERM)) {
			return err
		}
	}
	return nil
}

// bindTarget opens, or makes, the mount point that a source needs: a directory or a file.
func (c *child) bindTarget(tree int, place string) (int, error) {
	var source, target unix.Stat_t
	if err := unix.Fstat(tree, &source); err != nil {
		return -1, err
	}
	if source.Mode&unix.S_IFMT == unix.S_IFDIR {
		fd, err := linux.MkdirAllInRoot(c.root, place, 0o755)
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EEXIST) {
			err = fmt.Errorf("the source is a directory, the destination a file: %w", err)
		}
		return fd, err
	}
	fd, err := linux.CreateInRoot(c.root, place, 0o644)
	if err != nil {
		return -1, err
	}
	if err := unix.Fstat(fd, &target); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	if target.Mode&unix.S_IFMT == unix.S_IFDIR {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("the source is a file, the destination a directory: %w", unix.EISDIR)
	}
	return fd, nil
}

// withoutGID takes gid= out of a file system's options.
func withoutGID(data string) string {
	var kept []string
	for option := range strings.SplitSeq(data, ",") {
		if !strings.HasPrefix(option, "gid=") {
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, ",")
}
