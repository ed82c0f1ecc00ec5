package oci

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// join is setUp for a process that joins a container: it was born in its namespaces but for
// the cgroup namespace, whose member came with the order.
func (c *child) join() (master *os.File, err error) {
	unix.Umask(0)
	if c.namespaces&unix.CLONE_NEWCGROUP != 0 && len(c.received) > 1 {
		if err := unix.Setns(int(c.received[1].Fd()), unix.CLONE_NEWCGROUP); err != nil {
			return nil, fmt.Errorf("join cgroup namespace: %w", err)
		}
	}
	if err := c.setOOMScore(); err != nil {
		return nil, err
	}
	if err := c.findPlace(); err != nil {
		return nil, err
	}
	if c.terminal {
		if master, err = c.openTerminal(); err != nil {
			return nil, err
		}
	}
	return master, nil
}

// findPlace finds out who and where the process is, in the container's root.
func (c *child) findPlace() (err error) {
	if c.root, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open root of the container: %w", err)
	}
	if err := c.resolveUser(); err != nil {
		return err
	}
	cwd := c.cwd
	if cwd == "" {
		cwd = "/"
	}
	// Unlike a container that begins, one that is looked into gets no directory made.
	c.workdir, err = linux.OpenInRoot(c.root, cwd, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		err = fmt.Errorf("working directory %q: %w", cwd, err)
		if errors.Is(err, unix.ENOENT) {
			err = errs.WithCode(err, errs.CodeNotFound)
		}
		return err
	}
	return c.enterWorkingDirectory()
}
