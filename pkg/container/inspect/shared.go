package inspect

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// lostNetwork says why the network that a container shares is no more, though it runs: the one that
// it belongs to has ended, or lives again, in a network of its own.
func lostNetwork(root state.Root, c *spec.Container, e *state.Entry) string {
	if c.Network.Mode != spec.NetworkContainer || !e.Alive() || e.State == nil || e.State.PID == 0 {
		return ""
	}
	owner, err := root.Find(c.Network.Target)
	if err != nil {
		return "the container whose network it shares is gone"
	}
	if !owner.Alive() || owner.State == nil || owner.State.PID == 0 {
		return fmt.Sprintf("container %q, whose network it shares, is %s", owner.Name, owner.Status)
	}
	if mine, theirs := netns(e.State.PID), netns(owner.State.PID); mine != 0 && theirs != 0 && mine != theirs {
		return fmt.Sprintf("container %q, whose network it shares, has been started anew: rc restart %s", owner.Name, e.Name)
	}
	return ""
}

// netns is the inode of a process's network namespace, 0 where it cannot be seen.
func netns(pid int) uint64 {
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) != nil {
		return 0
	}
	return st.Ino
}
