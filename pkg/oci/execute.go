package oci

import (
	"fmt"
	"math"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// execute becomes the command; it returns only on error.
func (c *child) execute() error {
	if err := setSysctls(c.procSys, c.sysctls); err != nil {
		return err
	}
	if err := c.takeStandardStreams(); err != nil {
		return err
	}
	if err := c.setLimits(); err != nil {
		return err
	}
	if err := c.becomeUser(); err != nil {
		return err
	}
	if c.umask >= 0 {
		unix.Umask(c.umask)
	} else {
		unix.Umask(0o022)
	}
	if !c.inside && !c.reaper {
		tellListenPID(c.env) // in the host's pid namespace it is not 1
	}
	program, err := findProgram(c.args[0], c.env)
	if err != nil {
		return err
	}
	if c.dieWithParent {
		if gone, err := c.bindToParent(); gone || err != nil {
			return err
		}
	}
	return c.exec(program)
}

// exec loads the filter and executes. Between the two nothing may need a system call that
// the filter could refuse.
func (c *child) exec(program string) error {
	if err := unix.CloseRange(uint(firstExtra+c.preserve), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range: %w", err)
	}
	sock := int(c.sock.Fd())
	if c.reaper {
		if _, err := unix.FcntlInt(uintptr(sock), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("keep socket: %w", err)
		}
	}
	if err := linux.Send(c.sock, []byte{msgExec}); err != nil {
		return err
	}
	if err := linux.ResetSignals(); err != nil {
		return fmt.Errorf("reset signals: %w", err)
	}
	if c.noNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
		}
	}
	if len(c.seccomp) > 0 {
		if err := linux.LoadSeccomp(c.seccomp); err != nil {
			return fmt.Errorf("load seccomp filter: %w", err)
		}
	}
	if err := c.startHooks(); err != nil {
		return err
	}
	if c.reaper {
		argv := append([]string{"rc-init", "reaper", strconv.Itoa(sock), program, "--"}, c.args...)
		err := linux.ExecFD(c.exe, argv, c.env)
		return fmt.Errorf("exec init: %w", err)
	}
	// syscall.Exec, not the bare call: it waits until no thread is being made.
	return explainExec(c.args[0], program, syscall.Exec(program, c.args, c.env))
}

// takeStandardStreams makes the terminal, where there is one, 0 to 2 and the session's, and
// lets the user open its own streams through /dev/stdin and the like.
func (c *child) takeStandardStreams() error {
	if c.slave == nil {
		for fd := range firstExtra {
			c.ownPipe(fd)
		}
		return nil
	}
	slave := int(c.slave.Fd())
	if err := unix.Fchown(slave, int(c.who.uid), -1); err != nil {
		return fmt.Errorf("own terminal: %w", err)
	}
	for fd := range firstExtra {
		if err := unix.Dup3(slave, fd, 0); err != nil {
			return fmt.Errorf("own terminal: %w", err)
		}
	}
	if c.reaper {
		return nil // the command becomes the session's leader, not the init
	}
	if err := linux.SetControllingTerminal(0); err != nil {
		return fmt.Errorf("set controlling terminal: %w", err)
	}
	return nil
}

// ownPipe gives the user an anonymous pipe among its standard streams, since /dev/stdout
// opens it anew. Files and terminals of the host keep their owner.
func (c *child) ownPipe(fd int) {
	if c.isOthersPipe(fd) {
		_ = unix.Fchown(fd, int(c.who.uid), -1) // a pipe of another user's stays unopenable
	}
}

func (c *child) isOthersPipe(fd int) bool {
	const pipefsMagic = 0x50495045 // linux/magic.h
	var st unix.Statfs_t
	return (c.who.uid != 0 || c.nested()) && unix.Fstatfs(fd, &st) == nil && st.Type == pipefsMagic
}
