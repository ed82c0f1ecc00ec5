package oci

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// devLinks are the symlinks that programs expect in /dev (runtime-spec, "Dev symbolic
// links").
func devLinks() [][2]string {
	return [][2]string{
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
		{"/proc/kcore", "core"},
		{"pts/ptmx", "ptmx"},
	}
}

// populateDev puts the default devices and links into /dev. Device nodes cannot be made in
// a user namespace, so the host's are mounted.
func (c *child) populateDev() error {
	dev, err := linux.MkdirAllInRoot(c.root, "/dev", 0o755)
	if err != nil {
		return fmt.Errorf("open /dev of the container: %w", err)
	}
	defer unix.Close(dev)
	for _, path := range DefaultDevices() {
		name := path[len("/dev/"):]
		if err := bindNode(path, dev, name); err != nil {
			return fmt.Errorf("device %q: %w", path, err)
		}
	}
	for _, link := range devLinks() {
		err := unix.Symlinkat(link[0], dev, link[1])
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("symlink %q: %w", "/dev/"+link[1], err)
		}
	}
	return nil
}

// bindNode mounts a device node of the host onto name in the directory dev, which is not
// followed if it is a symlink.
func bindNode(source string, dev int, name string) error {
	if err := unix.Mknodat(dev, name, unix.S_IFREG|0o666, 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	tree, err := linux.CloneTree(unix.AT_FDCWD, source, false)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	return linux.AttachTree(tree, dev, name)
}

// addDevice mounts a device that was asked for.
func (c *child) addDevice(d device) error {
	if slices.Contains(DefaultDevices(), d.path) {
		return nil // it is there
	}
	tree, err := linux.CloneTree(unix.AT_FDCWD, d.source, false)
	if err != nil {
		return fmt.Errorf("device %q: %w", d.source, err)
	}
	defer unix.Close(tree)
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return fmt.Errorf("device %q: %w", d.source, err)
	}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFCHR && kind != unix.S_IFBLK && kind != unix.S_IFIFO {
		return fmt.Errorf("device %q: not a device node: %w", d.source, errs.ErrInvalid)
	}
	target, err := c.bindTarget(tree, d.path)
	if err == nil {
		err = linux.AttachTree(tree, target, "")
		_ = unix.Close(target)
	}
	if err != nil {
		return fmt.Errorf("device %q: %w", d.path, err)
	}
	return nil
}

// openTerminal makes a terminal in the container's own devpts and keeps its end for the
// command's standard streams. The first process's is shown as /dev/console.
func (c *child) openTerminal() (master *os.File, err error) {
	ptmx, err := linux.OpenInRoot(c.root, "/dev/pts/ptmx", unix.O_PATH)
	if err != nil {
		return nil, fmt.Errorf("open terminal /dev/pts/ptmx: %w", err)
	}
	defer unix.Close(ptmx)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(ptmx, &fs); err != nil {
		return nil, fmt.Errorf("open terminal /dev/pts/ptmx: %w", err)
	}
	if fs.Type != unix.DEVPTS_SUPER_MAGIC {
		return nil, fmt.Errorf("open terminal /dev/pts/ptmx: no devpts is mounted there: %w", errs.ErrInvalid)
	}
	master, c.slave, err = linux.OpenTerminal(ptmx)
	if err != nil {
		return nil, fmt.Errorf("open terminal: %w", err)
	}
	if c.rows != 0 || c.cols != 0 {
		if err := linux.SetWindowSize(master, uint16(c.rows), uint16(c.cols)); err != nil {
			return nil, fmt.Errorf("set terminal size: %w", err)
		}
	}
	if c.inside {
		return master, nil
	}
	target, err := linux.CreateInRoot(c.root, "/dev/console", 0o600)
	if err != nil {
		return nil, fmt.Errorf("make /dev/console: %w", err)
	}
	defer unix.Close(target)
	tree, err := linux.CloneTree(int(c.slave.Fd()), "", false)
	if err != nil {
		return nil, fmt.Errorf("mount /dev/console: %w", err)
	}
	defer unix.Close(tree)
	if err := linux.AttachTree(tree, target, ""); err != nil {
		return nil, fmt.Errorf("mount /dev/console: %w", err)
	}
	return master, nil
}
