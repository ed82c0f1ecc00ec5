package oci

import (
	"fmt"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/hook"
	"github.com/rc-containers/rc/pkg/linux"
)

// addHooks notes the hooks that are the child's, and whether it has to wait for the parent's.
func (o *order) addHooks(set *hook.Set) {
	if set == nil {
		return
	}
	o.hooks = hook.Set{CreateContainer: set.CreateContainer, StartContainer: set.StartContainer, Container: set.Container}
	o.awaitHooks = len(set.CreateRuntime) > 0
}

// runHooks has the parent's hooks run, and runs those that belong into the container's namespaces:
// everything is mounted, and the caller's files are still to be seen.
func (c *child) runHooks() error {
	if c.awaitHooks {
		if err := linux.Send(c.sock, []byte{msgHooks}); err != nil {
			return err
		}
		if _, _, err := linux.Receive(c.sock, 1); err != nil {
			return fmt.Errorf("wait for hooks: %w", err)
		}
	}
	if len(c.hooks.CreateContainer) == 0 {
		return nil
	}
	defer unix.Umask(unix.Umask(0o022))
	pid := 0
	if self, err := os.Readlink("/proc/self"); err == nil { // as the /proc that the hook sees counts
		pid, _ = strconv.Atoi(self)
	}
	return hook.Run(c.hooks.CreateContainer, &c.hooks.Container, specs.StateCreating, pid)
}

// startHooks runs the hooks that belong into the container itself. They are its own programs, and
// run with no more than it has.
func (c *child) startHooks() error {
	return hook.Run(c.hooks.StartContainer, &c.hooks.Container, specs.StateCreated, unix.Getpid())
}

// answerHooks runs the hooks that are the parent's, for a child that waits for that.
func (p *Process) answerHooks() error {
	if p.Hooks != nil {
		if err := p.Hooks(); err != nil {
			return err
		}
	}
	return linux.Send(p.sock, []byte{msgHooks})
}
