package oci

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// makeWorkingDirectory makes the working directory where the image has none, as docker
// does, and opens it.
func (c *child) makeWorkingDirectory() error {
	cwd := c.cwd
	if cwd == "" {
		cwd = "/"
	}
	fd, err := linux.MkdirAllInRoot(c.root, cwd, 0o755)
	if err != nil {
		return fmt.Errorf("working directory %q: %w", cwd, err)
	}
	c.workdir = fd
	return nil
}

// enterWorkingDirectory is a step of its own since pivot_root(2) changes the directory.
func (c *child) enterWorkingDirectory() error {
	defer unix.Close(c.workdir)
	if err := unix.Fchdir(c.workdir); err != nil {
		return fmt.Errorf("working directory %q: %w", c.cwd, err)
	}
	wd, err := unix.Getwd()
	if err != nil || !strings.HasPrefix(wd, "/") {
		return fmt.Errorf("working directory %q: it lies outside the container: %w", c.cwd, errors.Join(err, errs.ErrInvalid))
	}
	return nil
}
