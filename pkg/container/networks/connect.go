package networks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/joint"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// member is a container and a network that are to be connected, or no more.
type member struct {
	root  state.Root
	store *bridge.Store
	n     *bridge.Network
	e     *state.Entry
	c     *spec.Container
}

func find(ctx context.Context, cfg *config.Config, network, name string) (*member, error) {
	m := &member{root: records.Of(cfg)}
	var err error
	if m.store, err = records.Networks(cfg); err != nil {
		return nil, err
	}
	if m.n, err = m.store.Find(network); err != nil {
		return nil, err
	}
	if err := m.load(ctx, name); err != nil {
		return nil, err
	}
	if m.c.Network.Mode != spec.NetworkBridge {
		return nil, errs.WithHint(
			errs.Unsupportedf("container %q: its network is %s: one made without a bridge network cannot join one", m.e.Name, m.c.Network.Mode),
			"make it with --network bridge, or --network "+m.n.Name)
	}
	return m, nil
}

// load reads the container's records.
func (m *member) load(ctx context.Context, name string) error {
	var err error
	if m.e, err = settled(ctx, m.root, name); err == nil {
		m.c, err = m.root.Load(m.e.ID)
	}
	return err
}

// settled waits for a container that is being started, whose networks nobody could change now.
func settled(ctx context.Context, root state.Root, name string) (*state.Entry, error) {
	const patience, step = 5 * time.Second, 10 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		e, err := root.Find(name)
		if err != nil || !e.Starting || time.Now().After(deadline) {
			return e, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(step):
		}
	}
}

// Connect connects a container with a network: one that runs at once, another when it starts.
// What a killed Connect has left undone the next one does.
func Connect(ctx context.Context, cfg *config.Config, network, name string, a spec.Attachment) error {
	m, err := find(ctx, cfg, network, name)
	if err != nil {
		return err
	}
	a.Network = m.n.Name
	ask := bridge.Request{Container: m.e.ID, Name: m.e.Name, IP: a.IP, IP6: a.IP6, MAC: a.MAC, Aliases: a.Aliases}
	if err := m.n.Check(ask); err != nil {
		return err
	}
	added, err := m.record(&a)
	if err != nil {
		return err
	}
	if err = m.connectNow(ask, added); err != nil {
		if added {
			err = errors.Join(err, m.strike())
		}
		return fmt.Errorf("connect container %q: %w", m.e.Name, err)
	}
	Emit(cfg, "connect", m.n, m.e.ID)
	return nil
}

// record puts the network on the container's record, and says whether it was not there.
func (m *member) record(a *spec.Attachment) (added bool, err error) {
	err = m.root.Update(m.e.ID, func(c *spec.Container) error {
		if added = !m.connected(c); added {
			c.Network.Attachments = append(c.Network.Attachments, *a)
		}
		return nil
	})
	return added, err
}

// strike takes it off again.
func (m *member) strike() error {
	return m.root.Update(m.e.ID, func(c *spec.Container) error {
		c.Network.Attachments = slices.DeleteFunc(c.Network.Attachments, func(a spec.Attachment) bool { return a.Network == m.n.Name })
		return nil
	})
}

func (m *member) connected(c *spec.Container) bool {
	return slices.ContainsFunc(c.Network.Attachments, func(a spec.Attachment) bool { return a.Network == m.n.Name })
}

// connectNow connects a container that runs.
func (m *member) connectNow(ask bridge.Request, added bool) error {
	if !m.e.Alive() {
		if !added {
			return fmt.Errorf("network %q: %w", m.n.Name, errConnected)
		}
		return nil
	}
	held, err := m.store.Held(m.e.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(held, func(l bridge.Lease) bool { return l.Network == m.n.Name })
	if i < 0 {
		ask.Interface = freeInterface(held)
		l, err := m.store.Take(m.n, ask, container.Living(m.root))
		if err != nil {
			return err
		}
		held, i = append(held, *l), len(held)
	}
	err = m.ask(joint.Request{Op: joint.Connect, Network: m.n.Name})
	if added && errors.Is(err, errs.ErrExists) {
		err = nil // by a disconnection that was killed
	}
	if err != nil {
		if added {
			err = errors.Join(err, m.store.Release(m.n.Name, m.e.ID))
		}
		return err
	}
	return m.editHosts(func(hosts []byte) []byte { return bridge.AddHosts(hosts, container.HostNames(m.c), held[i]) })
}

// errConnected says that there is nothing to do.
var errConnected = errors.New("already connected")

// ask asks the container's helper. One that was killed is started anew in a moment.
func (m *member) ask(r joint.Request) error {
	const patience, step = 2 * time.Second, 20 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(step) {
		err := joint.Ask(m.root.RunDir(m.e.ID), r)
		if !errors.Is(err, errs.ErrState) || time.Now().After(deadline) {
			return err
		}
	}
}

func freeInterface(held []bridge.Lease) string {
	for n := 0; ; n++ {
		name := "eth" + strconv.Itoa(n)
		if !slices.ContainsFunc(held, func(l bridge.Lease) bool { return l.Interface == name }) {
			return name
		}
	}
}

// editHosts changes the container's /etc/hosts, in place: it is the file that is mounted.
func (m *member) editHosts(edit func([]byte) []byte) error {
	if m.c.Network.NoHosts || m.c.Network.HostsFile == "none" {
		return nil
	}
	path := filepath.Join(m.root.RunDir(m.e.ID), "hosts")
	hosts, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, edit(hosts), 0o644)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has just ended
	}
	return err
}

// Disconnect takes a container off a network. With force a network helper that does not answer is no
// obstacle.
func Disconnect(ctx context.Context, cfg *config.Config, network, name string, force bool) error {
	m, err := find(ctx, cfg, network, name)
	if err != nil {
		return err
	}
	l, err := m.store.Lease(m.n.Name, m.e.ID)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if l == nil && !m.connected(m.c) {
		return errs.Invalidf("disconnect container %q: it is not connected with network %q", m.e.Name, m.n.Name)
	}
	if err := m.strike(); err != nil {
		return err
	}
	if l != nil && m.e.Alive() {
		if err := m.disconnectNow(l, force); err != nil {
			return fmt.Errorf("disconnect container %q: %w", m.e.Name, err)
		}
	}
	Emit(cfg, "disconnect", m.n, m.e.ID)
	return nil
}

// disconnectNow takes the lease back last: the address is nobody else's while the interface is there.
func (m *member) disconnectNow(l *bridge.Lease, force bool) error {
	err := m.ask(joint.Request{Op: joint.Disconnect, Network: m.n.Name, Interface: l.Interface})
	if err != nil && !force {
		return err
	}
	return errors.Join(
		m.store.Release(m.n.Name, m.e.ID),
		m.editHosts(func(hosts []byte) []byte { return bridge.DropHosts(hosts, l) }),
	)
}

// Follow tells the containers on a network that its record has changed. Who does not hear it has
// just ended.
func Follow(cfg *config.Config, n *bridge.Network) error {
	store, err := records.Networks(cfg)
	if err != nil {
		return err
	}
	leases, err := store.Leases(n.Name)
	for _, l := range leases {
		_ = joint.Ask(records.Of(cfg).RunDir(l.Container), joint.Request{Op: joint.Follow})
	}
	return err
}
