package oci

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// becomeUser gives up what the command shall not have. Everything up to here needed
// capabilities of the container's user namespace.
func (c *child) becomeUser() error {
	var s linux.Script
	if err := c.scriptUser(&s); err != nil {
		return err
	}
	return s.Run()
}

// scriptUser adds the calls of becomeUser.
func (c *child) scriptUser(s *linux.Script) error {
	dropping := func(err error) error { return fmt.Errorf("drop capabilities: %w", err) }
	for i := range uintptr(64) {
		if c.bounding&(1<<i) == 0 {
			s.Add(dropping, unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, i)
			s.May(unix.EINVAL) // past the last one that this kernel knows
		}
	}
	gid, uid := uintptr(c.who.gid), uintptr(c.who.uid)
	s.Add(func(err error) error { return c.explainID("group", c.who.gid, err) }, unix.SYS_SETRESGID, gid, gid, gid)
	c.scriptGroups(s)
	// The permitted capabilities stay until execve(2), which computes them anew from the
	// bounding and ambient sets: until then a filter can be loaded without no_new_privs.
	s.Add(func(err error) error { return fmt.Errorf("prctl PR_SET_KEEPCAPS: %w", err) }, unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1)
	s.Add(func(err error) error { return c.explainID("user", c.who.uid, err) }, unix.SYS_SETRESUID, uid, uid, uid)
	_, permitted, _, err := linux.Capabilities() // the change of ids keeps them
	if err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	ambient := c.ambient
	if c.who.uid == 0 {
		ambient = 0 // root has its capabilities by being root
	}
	linux.ScriptCapabilities(s, func(err error) error { return fmt.Errorf("set capabilities: %w", err) }, permitted, c.inheritable|ambient, ambient)
	scriptKeyring(s)
	return nil
}

// scriptKeyring leaves the caller's session keyring, and with it the keys of the user who
// started the container: session_keyring(7). The new one counts against the quota of the
// container's user, so it is made last.
func scriptKeyring(s *linux.Script) {
	s.Add(func(err error) error {
		err = fmt.Errorf("new session keyring: %w", err)
		if errors.Is(err, unix.EDQUOT) {
			return errs.WithHint(err, "each container takes one key of its user: raise the sysctl kernel.keys.maxkeys")
		}
		return err
	}, unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0)
	s.May(unix.ENOSYS, unix.EPERM) // a kernel without keys, or a container around us that has none
}

// scriptGroups sets the supplementary groups. In a user namespace made without newgidmap
// setgroups(2) is denied: then the groups that /etc/group implies are left out, and those
// that somebody asked for are an error.
func (c *child) scriptGroups(s *linux.Script) {
	if c.keepGroups {
		return
	}
	groups := append(append([]uint32{}, c.who.groups...), c.who.implied...)
	first := uintptr(0)
	if len(groups) > 0 {
		first = linux.Keep(s, &groups[0])
	}
	s.Add(func(err error) error {
		if errors.Is(err, unix.EPERM) {
			return errs.WithCheck(fmt.Errorf("set additional groups %v: %w", c.who.groups, err),
				"a user without a range in /etc/subgid has no groups to give", "subuid")
		}
		return errs.WithCheck(fmt.Errorf("set additional groups %v: %w", groups, err), "the range in /etc/subgid may be too small for them", "subuid")
	}, unix.SYS_SETGROUPS, uintptr(len(groups)), first)
	if len(c.who.groups) == 0 {
		s.May(unix.EPERM)
	}
}

func (c *child) explainID(kind string, id uint32, err error) error {
	err = fmt.Errorf("become %s %d: %w", kind, id, err)
	if errors.Is(err, unix.EINVAL) && c.nested() {
		return errs.WithHint(err, fmt.Sprintf("the container's user namespace has no %s of that number: choose another, or more ids by "+
			"--userns auto:size=N or keep-id:size=N, --uidmap and --gidmap", kind))
	}
	if errors.Is(err, unix.EINVAL) {
		file := "/etc/subuid"
		if kind == "group" {
			file = "/etc/subgid"
		}
		return errs.WithCheck(err, fmt.Sprintf("the %s is outside the range that this user has in %s", kind, file), "subuid")
	}
	return err
}

// bindToParent lets the kernel kill this process when its parent dies: after the last
// change of credentials, which clears it (PR_SET_PDEATHSIG(2const)).
func (c *child) bindToParent() (gone bool, err error) {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return false, fmt.Errorf("prctl PR_SET_PDEATHSIG: %w", err)
	}
	// It may have died before that; then the socket is at its end.
	var buf [1]byte
	n, _, err := unix.Recvfrom(int(c.sock.Fd()), buf[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n == 0 && err == nil, nil
}
