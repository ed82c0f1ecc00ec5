package container

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// mostJoined bounds a chain of containers of which each shares the next one's network.
const mostJoined = 16

// findNetwork makes a full id of --network container:NAME, and finds whose names are shared.
func (r *run) findNetwork(env *create.Environment) error {
	n := &r.opts.Network
	if n.Mode != spec.NetworkContainer {
		return nil
	}
	e, err := r.records().Find(n.Target)
	if err != nil {
		return fmt.Errorf("--network: %w", err)
	}
	n.Target = e.ID
	owner := e.ID
	for range mostJoined {
		c, err := r.records().Load(owner)
		if err != nil {
			return fmt.Errorf("--network: %w", err)
		}
		if c.Network.Mode == spec.NetworkHost {
			return errs.WithHint(errs.Invalidf("--network container:%s: container %q has no network namespace, it uses the host's", e.Name, e.Name), "--network host")
		}
		if c.Network.Mode != spec.NetworkContainer {
			break
		}
		owner = c.Network.Target
	}
	env.NetworkDir = r.records().RunDir(owner)
	return nil
}

// joinNetwork opens the network namespace of another container, which has to run, or of a
// path. The shim is started in the user namespace that it belongs to, and in itself.
func (r *run) joinNetwork() error {
	switch r.c.Network.Mode {
	case spec.NetworkContainer:
		e, err := r.records().Find(r.c.Network.Target)
		if err != nil {
			return fmt.Errorf("--network: %w", err)
		}
		if !e.Alive() || e.State == nil || e.State.PID == 0 {
			return fmt.Errorf("--network: %w", records.NotRunning("join the network of", e))
		}
		if r.joined.netns, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", e.State.PID)); err != nil {
			return fmt.Errorf("--network: container %q: %w", e.Name, err)
		}
		if !linux.Alive(e.State.PID, e.State.PIDStart) { // the pid may have been another's
			return fmt.Errorf("--network: container %q: %w: it has just ended", e.Name, errs.ErrState)
		}
		return r.joinShim(e)
	case spec.NetworkPath:
		return r.joinPath()
	}
	return nil
}

// joinPath is for a path: of the namespaces that a user may enter, rc's containers can share
// those that belong to one of them.
func (r *run) joinPath() error {
	path := r.c.Network.Target
	var err error
	if r.joined.netns, err = os.Open(path); err != nil {
		return fmt.Errorf("--network ns:%s: %w", path, errors.Unwrap(err))
	}
	kind, err := unix.IoctlRetInt(int(r.joined.netns.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWNET {
		return errs.Invalidf("--network ns:%s: it is no network namespace", path)
	}
	owner, err := unix.IoctlRetInt(int(r.joined.netns.Fd()), unix.NS_GET_USERNS)
	if err == nil {
		defer func() { _ = unix.Close(owner) }()
		var want unix.Stat_t
		if err := unix.Fstat(owner, &want); err != nil {
			return os.NewSyscallError("fstat", err)
		}
		entries, _ := r.records().List()
		for _, e := range entries {
			if e.Alive() && e.State != nil && (inUserns(e.State.ShimPID, want.Ino) || inUserns(e.State.PID, want.Ino)) {
				return r.joinShim(&e)
			}
		}
	}
	return errs.WithHint(errs.Unsupportedf("--network ns:%s: it belongs to a user namespace that containers of rc are not in, such as root's", path),
		"share the network of a container that runs: --network container:NAME")
}

func inUserns(pid int, inode uint64) bool {
	var st unix.Stat_t
	return pid > 0 && unix.Stat(fmt.Sprintf("/proc/%d/ns/user", pid), &st) == nil && st.Ino == inode
}

// joinShim starts the new shim in the user namespace of another one.
func (r *run) joinShim(e *state.Entry) error {
	if r.joined.shim != nil {
		var st unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/user", e.State.ShimPID), &st); err != nil {
			return err
		}
		other, err := r.records().Find(r.c.Userns.Container)
		if err != nil {
			return err
		}
		if !inUserns(other.State.ShimPID, st.Ino) {
			return errs.Unsupportedf("--network %s: with --userns container:%s only that one's network can be shared", r.c.Network.Mode, other.Name)
		}
		return nil
	}
	var err error
	if r.joined.shim, err = lifecycle.OpenProcess(e.State.ShimPID, e.State.ShimStart); err == nil && r.joined.shim == nil {
		err = fmt.Errorf("--network: container %q: %w: it has just ended", e.Name, errs.ErrState)
	}
	return err
}
