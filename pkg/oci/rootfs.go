package oci

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// setUpRoot makes the container's file system out of the mounted root and moves into it.
// Every path in it is resolved with the container's root as root (openat2(2)), and what
// was found is then used by its descriptor: neither a symlink in the image nor somebody
// who shares a volume can lead a mount elsewhere.
func (c *child) setUpRoot() (master *os.File, err error) {
	// What is mounted here must not show up outside.
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return nil, fmt.Errorf("set propagation of /: %w", err)
	}
	if err := c.attachRoot(); err != nil {
		return nil, fmt.Errorf("mount root filesystem %q: %w", c.rootfs, err)
	}
	late, err := c.mountAll()
	if err != nil {
		return nil, err
	}
	for _, d := range c.devices {
		if err := c.addDevice(d); err != nil {
			return nil, err
		}
	}
	if err := c.placeFiles(); err != nil {
		return nil, err
	}
	if c.terminal {
		if master, err = c.openTerminal(); err != nil {
			return nil, err
		}
	}
	if err := c.runHooks(); err != nil {
		return nil, err
	}
	// The user's files may be among what is hidden.
	if err := c.resolveUser(); err != nil {
		return nil, err
	}
	if err := c.hidePaths(); err != nil {
		return nil, err
	}
	// The last writes have to come before anything becomes read-only.
	if err := c.chownTrees(); err != nil {
		return nil, err
	}
	if err := c.makeWorkingDirectory(); err != nil {
		return nil, err
	}
	if c.readonly {
		late = append(late, c.root)
	}
	for _, fd := range late {
		if err := c.setAttr(fd, false, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return nil, fmt.Errorf("make %s read-only: %w", linux.FDPath(fd), err)
		}
	}
	return master, c.pivot()
}

// attachRoot binds the root filesystem onto itself, since pivot_root(2) wants a mount of
// its own that propagates nothing to its parent.
func (c *child) attachRoot() error {
	tree, err := c.tree(c.rootfs, true)
	if errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("open_tree: %w", errs.WithCheck(err, "rc needs Linux 5.6 or newer", "kernel"))
	}
	if err != nil {
		return err
	}
	if err := c.setAttr(tree, true, &unix.MountAttr{Propagation: unix.MS_PRIVATE}); err != nil {
		return fmt.Errorf("set propagation: %w", err)
	}
	if err := c.attachAnywhere(tree); err != nil {
		return err
	}
	c.root = tree
	return nil
}

// attachAnywhere puts the root where it is for a moment, until pivot_root(2). A process in a user
// namespace of its own may be kept from the usual place by the mode of a directory above it, such as the
// user's home: then one that everybody can reach does as well, since nothing else is looked up below it.
func (c *child) attachAnywhere(tree int) error {
	err := linux.AttachTree(tree, unix.AT_FDCWD, c.rootfs)
	for _, place := range []string{"/mnt", "/tmp", "/usr"} {
		if !errors.Is(err, unix.EACCES) || !c.nested() {
			break
		}
		c.rootfs = place
		err = linux.AttachTree(tree, unix.AT_FDCWD, place)
	}
	return err
}

// tree is a detached copy of what is mounted at path. One that came with the order is used
// up by that.
func (c *child) tree(path string, recursive bool) (int, error) {
	came := c.trees[path]
	if len(came) == 0 {
		return linux.CloneTree(unix.AT_FDCWD, path, recursive)
	}
	c.trees[path] = came[1:]
	return unix.FcntlInt(uintptr(came[0]), unix.F_DUPFD_CLOEXEC, firstExtra)
}

func (c *child) pivot() error {
	if err := linux.PivotRoot(c.root); err != nil {
		return fmt.Errorf("pivot_root to %q: %w", c.rootfs, err)
	}
	if c.propagation != unix.MS_PRIVATE {
		if err := unix.Mount("", "/", "", uintptr(c.propagation)|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("set propagation of the root filesystem: %w", err)
		}
	}
	return nil
}

// mountAll makes the mounts in their order, and returns those that have to become
// read-only after everything is in place.
func (c *child) mountAll() (late []int, err error) {
	populated := false
	for i := range c.mounts {
		m := &c.mounts[i]
		fd, err := c.mount(m)
		if err != nil {
			return nil, fmt.Errorf("mount %s on %q: %w", m.describe(), m.target, err)
		}
		if fd >= 0 {
			late = append(late, fd)
		}
		if m.target == "/dev" {
			populated = true
			if m.kind != kindBind {
				if err := c.populateDev(); err != nil {
					return nil, err
				}
			}
		}
	}
	if !populated {
		return late, c.populateDev()
	}
	return late, nil
}

func (m *mount) describe() string {
	if m.kind == kindBind {
		return fmt.Sprintf("%q", m.source)
	}
	return m.kind
}

// ttyGroup is the group of terminals in every distribution, and in DefaultMounts.
const ttyGroup = 5

// mount makes one mount. It returns a descriptor of one that has to become read-only
// later, or -1.
func (c *child) mount(m *mount) (late int, err error) {
	if m.kind == kindBind {
		return -1, c.bind(m)
	}
	target, err := linux.MkdirAllInRoot(c.root, m.target, 0o755)
	if err != nil {
		return -1, err
	}
	defer unix.Close(target)
	attr := m.set | m.setAll
	isLate := (m.kind == kindTmpfs || m.kind == kindRamfs) && attr&unix.MOUNT_ATTR_RDONLY != 0
	if isLate {
		attr &^= unix.MOUNT_ATTR_RDONLY // mount points and copies have to be made in it
	}
	data := m.data
	if m.kind == kindDevpts && !linux.GroupMapped(ttyGroup) {
		data = withoutGID(data) // where only one id is mapped
	}
	err = unix.Mount(m.source, linux.FDPath(target), m.kind, legacyFlags(attr), data)
	if err != nil {
		return -1, c.mountInstead(m, target, err)
	}
	slave := m.propagation &^ unix.MS_REC
	if !isLate && !m.copyUp && !m.chown && (slave == 0 || slave == unix.MS_PRIVATE) {
		return -1, nil
	}
	mounted, err := linux.OpenInRoot(c.root, m.target, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	if m.copyUp {
		if err := c.copyUp(m, target, mounted); err != nil {
			return -1, fmt.Errorf("copy what the image has there: %w", err)
		}
	}
	if slave != 0 && slave != unix.MS_PRIVATE {
		if err := unix.Mount("", linux.FDPath(mounted), "", uintptr(m.propagation), ""); err != nil {
			return -1, fmt.Errorf("set propagation: %w", err)
		}
	}
	if m.chown {
		if err := c.own(&mount{target: m.target}, mounted); err != nil {
			return -1, err
		}
	}
	if isLate {
		return mounted, nil
	}
	return -1, unix.Close(mounted)
}

// copyUp fills a tmpfs with what the image has under it. An owner and a mode that were asked for stay.
func (c *child) copyUp(m *mount, under, mounted int) error {
	var before unix.Stat_t
	if err := unix.Fstat(mounted, &before); err != nil {
		return err
	}
	if err := copyDirectory(under, mounted); err != nil {
		return err
	}
	asked := func(option string) bool { return strings.Contains(","+m.data, ","+option+"=") }
	uid, gid := -1, -1
	if asked("uid") {
		uid = int(before.Uid)
	}
	if asked("gid") {
		gid = int(before.Gid)
	}
	if err := unix.Fchown(mounted, uid, gid); err != nil {
		return err
	}
	if !asked("mode") {
		return nil
	}
	return unix.Fchmod(mounted, before.Mode&^unix.S_IFMT)
}

// mountInstead is what to do where a file system could not be mounted, because its
// namespace is not this user namespace's own or the kernel is odd. target is where.
func (c *child) mountInstead(m *mount, target int, err error) error {
	attr := m.set | m.setAll
	readonly := attr
	if m.clear&unix.MOUNT_ATTR_RDONLY == 0 {
		readonly |= unix.MOUNT_ATTR_RDONLY // it is the host's: written to only where "rw" says so
	}
	switch {
	case m.kind == kindSysfs && errors.Is(err, unix.EPERM):
		// sysfs belongs to the network namespace (--network host), or is partly covered.
		return c.bindOver("/sys", target, readonly)
	case m.kind == kindProc && errors.Is(err, unix.EPERM) && c.namespaces&unix.CLONE_NEWPID == 0:
		return c.bindOver("/proc", target, attr)
	case m.kind == kindProc && errors.Is(err, unix.EPERM):
		return errs.WithHint(err, "a /proc with parts of it covered, as in most containers, cannot be mounted again: "+
			"run the outer container with --security-opt unmask=ALL")
	case m.kind == kindMqueue && errors.Is(err, unix.EPERM) && c.namespaces&unix.CLONE_NEWIPC == 0:
		if err := c.bindOver("/dev/mqueue", target, attr); !errors.Is(err, unix.ENOENT) {
			return err
		}
		return nil // the host has none to show
	case m.kind == kindCgroup && !errors.Is(err, unix.ENOENT):
		// A host without cgroup2, or --cgroupns host.
		return c.bindOver("/sys/fs/cgroup", target, readonly)
	}
	return err
}

// bindOver shows a directory of the caller's in place of a mount of one's own.
func (c *child) bindOver(source string, target int, attr uint64) error {
	tree, err := linux.CloneTree(unix.AT_FDCWD, source, true)
	if err != nil {
		return fmt.Errorf("%q instead: %w", source, err)
	}
	defer unix.Close(tree)
	if err := c.setAttr(tree, true, &unix.MountAttr{Attr_set: attr, Propagation: unix.MS_PRIVATE}); err != nil {
		return fmt.Errorf("%q instead: %w", source, err)
	}
	return linux.AttachTree(tree, target, "")
}

// setAttr changes a mount that may be detached. Before Linux 5.12 there is no
// mount_setattr(2); attachments are then changed by mount(2), which cannot reach what is
// mounted below.
func (c *child) setAttr(mount int, recursive bool, attr *unix.MountAttr) error {
	err := linux.SetMountAttr(mount, recursive, attr)
	if !errors.Is(err, unix.ENOSYS) {
		return err
	}
	path := linux.FDPath(mount)
	if attr.Attr_set != 0 {
		kept, err := linux.MountFlags(mount)
		if err != nil {
			return err
		}
		if err := unix.Mount("", path, "", kept|legacyFlags(attr.Attr_set)|unix.MS_REMOUNT|unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	if attr.Propagation != 0 {
		flags := uintptr(attr.Propagation)
		if recursive {
			flags |= unix.MS_REC
		}
		return unix.Mount("", path, "", flags, "")
	}
	return nil
}
