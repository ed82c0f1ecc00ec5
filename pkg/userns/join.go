package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// StartIn starts a program as Start does, but in the user namespace that pidfd's process is in, whose ids are
// written already. The program has a mount namespace of its own there, and those of c.Flags, and leads a session.
func StartIn(pidfd *os.File, c Command) (*Process, error) {
	null, err := c.null()
	if err != nil {
		return nil, err
	}
	if null != nil {
		defer null.Close()
	}
	if c.Dir != "" && c.Dir != "/" || !c.Setsid {
		return nil, errors.New("start in a user namespace: only in a session of its own")
	}
	f := linux.UsernsFork{
		Userns: pidfd, Netns: c.Netns, Cloneflags: c.Flags | unix.CLONE_NEWNS, Cgroup: c.Cgroup, Path: c.Path, Argv: c.Args, Env: c.Env, Files: c.descriptors(null),
		Sibling: c.Sibling,
	}
	p := &Process{}
	p.PID, p.Pidfd, err = f.Start()
	runtime.KeepAlive(c.Files)
	if err != nil {
		return nil, fmt.Errorf("start %q in a user namespace: %w", c.Path, err)
	}
	return p, nil
}

// Join starts a program in the user namespace of a process, as its root with all
// capabilities. No ids have to be written: Mapped returns at once. c.Flags and c.Cgroup must be
// empty. A Go thread cannot enter a user namespace (EINVAL,
// setns(2)), so nsenter(1) does, and its --preserve-credentials would leave the uid
// outside: 0 is what it sets without it.
func Join(_ context.Context, pid int, c Command) (*Process, error) {
	path, err := exec.LookPath("nsenter")
	if err != nil {
		err := fmt.Errorf("enter user namespace of %d: nsenter: %w", pid, errs.ErrNotFound)
		return nil, errs.WithCheck(err, "install it (Debian, Ubuntu: sudo apt install util-linux)", "helpers")
	}
	if c.Flags != 0 || c.Cgroup != nil {
		return nil, errors.New("join a user namespace: further namespaces and cgroups are the program's own business")
	}
	args := []string{"nsenter", "-U", "-t", strconv.Itoa(pid), "--", c.Path}
	if len(c.Args) > 1 {
		args = append(args, c.Args[1:]...)
	}
	target := c.Path
	c.Path, c.Args = path, args
	p, err := c.fork(&syscall.SysProcAttr{})
	if err != nil {
		return nil, fmt.Errorf("start %q in the user namespace of %d: %w", target, pid, err)
	}
	return p, nil
}
