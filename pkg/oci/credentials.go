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
	if err := linux.DropBounding(c.bounding); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if err := linux.SetThreadGID(c.who.gid); err != nil {
		return c.explainID("group", c.who.gid, err)
	}
	if err := c.setGroups(); err != nil {
		return err
	}
	// The permitted capabilities stay until execve(2), which computes them anew from the
	// bounding and ambient sets: until then a filter can be loaded without no_new_privs.
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_KEEPCAPS: %w", err)
	}
	if err := linux.SetThreadUID(c.who.uid); err != nil {
		return c.explainID("user", c.who.uid, err)
	}
	_, permitted, _, err := linux.Capabilities()
	if err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	ambient := c.ambient
	if c.who.uid == 0 {
		ambient = 0 // root has its capabilities by being root
	}
	if err := linux.SetCapabilities(permitted, permitted, c.inheritable|ambient); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	if err := linux.SetAmbient(ambient); err != nil {
		return fmt.Errorf("set ambient capabilities: %w", err)
	}
	return newKeyring()
}

// newKeyring leaves the caller's session keyring, and with it the keys of the user who
// started the container: session_keyring(7). The new one counts against the quota of the
// container's user, so it is made last.
func newKeyring() error {
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return nil // a kernel without keys, or a container around us that has none
	case errors.Is(err, unix.EDQUOT):
		return errs.WithHint(fmt.Errorf("new session keyring: %w", err),
			"each container takes one key of its user: raise the sysctl kernel.keys.maxkeys")
	case err != nil:
		return fmt.Errorf("new session keyring: %w", err)
	}
	return nil
}

// setGroups sets the supplementary groups. In a user namespace made without newgidmap
// setgroups(2) is denied: then the groups that /etc/group implies are left out, and those
// that somebody asked for are an error.
func (c *child) setGroups() error {
	if c.keepGroups {
		return nil
	}
	groups := append(append([]uint32{}, c.who.groups...), c.who.implied...)
	err := linux.SetThreadGroups(groups)
	switch {
	case err == nil, errors.Is(err, unix.EPERM) && len(c.who.groups) == 0:
		return nil
	case errors.Is(err, unix.EPERM):
		return errs.WithHint(fmt.Errorf("set additional groups %v: %w", c.who.groups, err),
			"a user without a range in /etc/subgid has no groups to give")
	}
	return errs.WithHint(fmt.Errorf("set additional groups %v: %w", groups, err), "the range in /etc/subgid may be too small for them")
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
		return errs.WithHint(err, fmt.Sprintf("the %s is outside the range that this user has in %s", kind, file))
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
