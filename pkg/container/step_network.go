package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/linux"
)

// To start slirp4netns or pasta takes longer than all else of a short step, so that steps of one build have a network
// one after the other: never two at once, and only one in which the step before has left no connection, so that
// it is as good as new. (BuildKit keeps a pool of networks, too, whatever is left in them.)
//
//	holder                                a step
//	 │ shim, helper, first process whose   │
//	 │ command never runs: as rc init      │
//	 │ leaves a container                  │
//	 ├─ its user and network namespace ───▶│ shim and processes are born in both
//	 │ a helper that dies is replaced      │ ends
//	 │◀────────────────────────────────────┤ nothing left: free for the next
//	 │ ends with the build, or with rc     │

// stepNetworks are those of one build.
type stepNetworks struct {
	mu   sync.Mutex
	free []*stepNetwork
	ends sync.WaitGroup // of those that are given up
}

// stepNetwork is a network and its holder.
type stepNetwork struct {
	holder *run
	pid    int      // of its first process
	userns *os.File // that the other namespace belongs to
	netns  *os.File
}

// sharesNetwork says whether a step may have a network that others have, too: not if it could change it.
func (r *run) sharesNetwork() bool {
	p := r.c.OCI.Process
	return r.network != nil && r.bridges == nil && r.step.Userns != nil &&
		(p.Capabilities == nil || !slices.Contains(p.Capabilities.Bounding, "CAP_NET_ADMIN"))
}

// take gives a step's container a network that is free, or a new one.
func (n *stepNetworks) take(ctx context.Context, r *run) (*stepNetwork, error) {
	for {
		n.mu.Lock()
		last := len(n.free) - 1
		if last < 0 {
			n.mu.Unlock()
			return newStepNetwork(ctx, r)
		}
		found := n.free[last]
		n.free = n.free[:last]
		n.mu.Unlock()
		if found.works() {
			return found, nil
		}
		n.drop(ctx, found)
	}
}

// putBack is called when nothing of the step is left.
func (n *stepNetworks) putBack(ctx context.Context, used *stepNetwork) {
	if !used.clean() {
		n.drop(ctx, used)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = append(n.free, used)
}

// drop gives a network up; nobody waits for that before close.
func (n *stepNetworks) drop(ctx context.Context, old *stepNetwork) {
	n.ends.Go(func() { _ = old.close(ctx) })
}

// close ends all of them.
func (n *stepNetworks) close(ctx context.Context) {
	n.mu.Lock()
	for _, f := range n.free {
		n.drop(ctx, f)
	}
	n.free = nil
	n.mu.Unlock()
	n.ends.Wait()
}

// newStepNetwork starts a holder that is connected as the step's container is to be.
func newStepNetwork(ctx context.Context, r *run) (_ *stepNetwork, err error) {
	o := create.Options{
		Network: r.opts.Network, Cgroups: r.opts.Cgroups, Identities: create.Identities{Userns: r.opts.Userns}, Entrypoint: []string{}, Args: []string{"/holder"}, UTS: "private",
		Env: create.Env{UnsetAll: true},
	}
	o.Network.AddHosts = nil
	h := &run{cfg: r.cfg, opts: o, hold: true, step: &Step{Userns: r.step.Userns}}
	h.likeStep()
	n := &stepNetwork{holder: h}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("network for RUN: %w", err), n.close(ctx))
		}
	}()
	if err := h.describe(ctx); err != nil {
		return n, err
	}
	if err := h.planNetwork(); err != nil {
		return n, err
	}
	if err := h.launch(ctx); err != nil {
		return n, err
	}
	stop := context.AfterFunc(ctx, h.client.Shutdown)
	event, err := h.client.Next()
	stop()
	if err != nil {
		return n, err
	}
	n.pid = event.PID
	if n.netns, err = os.Open(fmt.Sprintf("/proc/%d/ns/net", n.pid)); err != nil {
		return n, err
	}
	n.userns, err = dup(r.step.Userns)
	return n, err
}

// works says whether the network is as it was when it began: nothing has died.
func (n *stepNetwork) works() bool {
	if gone, err := linux.PidfdWait(n.holder.shim.Pidfd, 0); err != nil || gone {
		return false
	}
	now := n.holder.records().Network(n.holder.c.ID)
	return now.Restarts == 0 && now.LastError == "" && !now.Down
}

// clean says whether no connection is left, not even one of those that the kernel keeps for a minute after
// their end: they would be in the way of who listens on their port.
func (n *stepNetwork) clean() bool {
	open, err := connections(fmt.Sprintf("/proc/%d/net", n.pid))
	return err == nil && open == 0
}

// connections counts the sockets of TCP and UDP in a network namespace, and the connections that wait after their
// end, by sockstat: to read tcp and tcp6, where they are, takes 8 ms, as the kernel looks through the tables of all namespaces.
func connections(dir string) (open int, err error) {
	for _, name := range []string{"sockstat", "sockstat6"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) && name == "sockstat6" {
			continue // a kernel without
		}
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(data)) {
			fields := strings.Fields(line)
			for i := 1; i+1 < len(fields); i += 2 {
				count := fields[i] == "inuse" && slices.Contains([]string{"TCP:", "TCP6:", "UDP:", "UDP6:"}, fields[0]) || fields[i] == "tw"
				if number, err := strconv.Atoi(fields[i+1]); count && err == nil {
					open += number
				}
			}
		}
	}
	return open, nil
}

// close ends the holder, and takes away what it had.
func (n *stepNetwork) close(ctx context.Context) error {
	for _, f := range []*os.File{n.userns, n.netns} {
		if f != nil {
			f.Close()
		}
	}
	h := n.holder
	if h.c == nil {
		return nil
	}
	err := h.abandon(context.WithoutCancel(ctx))
	if h.client != nil {
		err = errors.Join(err, h.client.Close())
	}
	return err
}

// connect makes a step's container one in a network that is there.
func (r *run) connect(n *stepNetwork) {
	r.connected = n
	l := r.c.OCI.Linux
	l.Namespaces = slices.DeleteFunc(slices.Clone(l.Namespaces), func(ns specs.LinuxNamespace) bool { return ns.Type == specs.NetworkNamespace })
	// The holder's have been set.
	l.Sysctl = maps.Clone(l.Sysctl)
	maps.DeleteFunc(l.Sysctl, func(name, _ string) bool { return strings.HasPrefix(name, "net.") })
}

// joinSpace has a step's shim started in namespaces that are there already: the ids of a new one would take newuidmap.
func (r *run) joinSpace() (err error) {
	switch {
	case r.connected != nil:
		if r.joined.shim, err = dup(r.connected.userns); err == nil {
			r.joined.netns, err = dup(r.connected.netns)
		}
	case r.step != nil && r.step.Userns != nil && r.bridges == nil: // bridges have one of their own
		r.joined.shim, err = dup(r.step.Userns)
	}
	return err
}

func dup(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
