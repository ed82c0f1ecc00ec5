package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/hub"
	"github.com/rc-containers/rc/pkg/network/joint"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// bridges is a container's part in bridge networks while it is being started.
type bridges struct {
	store    *bridge.Store
	networks []*bridge.Network // those of the attachments
	leases   []*bridge.Lease
	hub      *hub.Hub
	spaces   *hub.Spaces // nil where the shim makes them
	lock     *os.File    // the hub's, until the new one can be found
}

// uplinkInterface is the container's way to the world.
const uplinkInterface = "tap0"

// planBridges finds the networks, and checks what is wanted of them.
func (r *run) planBridges(ports []spec.Port) error {
	store, err := records.Networks(r.cfg)
	if err != nil {
		return err
	}
	b := &bridges{store: store, hub: hub.At(r.cfg.RunRoot, shim.HubFD)}
	outward := false
	for i := range r.c.Network.Attachments {
		a := &r.c.Network.Attachments[i]
		n, err := store.Find(a.Network)
		if err != nil {
			return err
		}
		a.Network = n.Name // which may have been an id, or the default one
		if err := checkAttachments(r.c.Network.Attachments[:i+1]); err != nil {
			return err
		}
		if err := n.Check(request(r.c, a, "")); err != nil {
			return err
		}
		b.networks = append(b.networks, n)
		outward = outward || n.Outward()
	}
	r.bridges = b
	return r.planUplink(ports, outward)
}

// checkAttachments looks at the last one, in view of those before it.
func checkAttachments(list []spec.Attachment) error {
	a, before := list[len(list)-1], list[:len(list)-1]
	if slices.ContainsFunc(before, func(o spec.Attachment) bool { return o.Network == a.Network }) {
		return errs.Invalidf("--network %q: twice", a.Network)
	}
	if a.Interface == "" {
		return nil
	}
	if a.Interface == "lo" || a.Interface == uplinkInterface {
		return errs.Invalidf("--network %s: interface_name %q: the container has one of that name already", a.Network, a.Interface)
	}
	if slices.ContainsFunc(before, func(o spec.Attachment) bool { return o.Interface == a.Interface }) {
		return errs.Invalidf("--network %s: interface_name %q: two networks cannot have one interface", a.Network, a.Interface)
	}
	return nil
}

// planUplink plans the container's own way to the world, by the program that a container
// without bridge networks would have. It is planned for networks that do not lead out, too, where it
// can be: the container may be connected to others. Required says that it has to be there.
func (r *run) planUplink(ports []spec.Port, required bool) error {
	if len(ports) > 0 && !required {
		return errs.Invalidf("-p %s: none of the container's networks leads out", ports[0].Container())
	}
	mode, publish, err := defaultNetworks(r.cfg)
	if err != nil {
		return err
	}
	if len(ports) > 0 {
		mode = publish
	}
	if mode == "" {
		if required {
			_, err = network.Default(network.ThisMachine(look(r.cfg)), false)
		}
		return err
	}
	options := r.cfg.Containers.Slirp4netnsOptions
	if mode == network.ModePasta {
		options = slices.Concat([]string{"--ns-ifname", uplinkInterface}, r.cfg.Containers.PastaOptions)
	}
	plan, err := network.NewPlan(mode, options, ports, network.ThisMachine(look(r.cfg)))
	if err != nil {
		return err
	}
	if err := plan.Limit(r.c.Network.Rate, options); err != nil {
		return err
	}
	plan.Dir = r.records().RunDir(r.c.ID)
	r.network = &plan
	return nil
}

// request is what an attachment asks of its network.
func request(c *spec.Container, a *spec.Attachment, name string) bridge.Request {
	return bridge.Request{Container: c.ID, Name: c.Name, Interface: name, IP: a.IP, IP6: a.IP6, MAC: a.MAC, Aliases: a.Aliases}
}

// interfaceNames are those of the attachments: the given ones, and eth0, eth1, … for the others.
func interfaceNames(list []spec.Attachment) []string {
	names := make([]string, len(list))
	for i, n := 0, 0; i < len(list); i++ {
		if names[i] = list[i].Interface; names[i] != "" {
			continue
		}
		for names[i] == "" {
			name := "eth" + strconv.Itoa(n)
			if n++; !slices.ContainsFunc(list, func(a spec.Attachment) bool { return a.Interface == name }) {
				names[i] = name
			}
		}
	}
	return names
}

// takeLeases takes the container's addresses.
func (r *run) takeLeases() error {
	if r.bridges == nil {
		return nil
	}
	names := interfaceNames(r.c.Network.Attachments)
	for i, n := range r.bridges.networks {
		l, err := r.bridges.store.Take(n, request(r.c, &r.c.Network.Attachments[i], names[i]), Living(r.records()))
		if err != nil {
			return err
		}
		r.bridges.leases = append(r.bridges.leases, l)
	}
	return nil
}

// Living tells of containers whether they run, or are in the hands of somebody who may be about to
// start them.
func Living(root state.Root) func(id string) bool {
	return func(id string) bool {
		hold, err := root.Hold(id)
		if err == nil {
			hold.Close()
		} else if errors.Is(err, errs.ErrInUse) {
			return true
		}
		e, err := root.Find(id)
		return err == nil && e.Alive()
	}
}

// address is the container's first, the zero one for a container without bridge networks.
func (b *bridges) address() netip.Addr {
	if b == nil {
		return netip.Addr{}
	}
	for _, l := range b.leases {
		if list := l.Addresses(); len(list) > 0 {
			return list[0]
		}
	}
	return netip.Addr{}
}

// resolver is package link's, which rc does not have in it.
const resolver = "127.0.0.11"

// bridgeFiles changes the files that say what the network is like.
func (r *run) bridgeFiles(files map[string][]byte) map[string][]byte {
	if r.bridges == nil {
		return files
	}
	n := &r.c.Network
	if !slices.Equal(n.DNS, []string{"none"}) {
		files["resolv.conf"] = bridgeResolvConf(n, network.HostResolvConf())
	}
	var more []bridge.Lease
	for _, l := range r.bridges.leases {
		more = append(more, *l)
	}
	if !n.NoHosts && n.HostsFile != "none" && len(files["hosts"]) > 0 {
		files["hosts"] = bridge.AddHosts(files["hosts"], HostNames(r.c), more...)
	}
	return files
}

// bridgeResolvConf names the container's own name server, which finds containers by name alone since their
// domain is searched first.
func bridgeResolvConf(n *spec.Network, host []byte) []byte {
	var out bytes.Buffer
	search, options := n.DNSSearch, n.DNSOptions
	for line := range strings.Lines(string(host)) {
		f := strings.Fields(line)
		switch {
		case len(f) < 2:
		case (f[0] == "search" || f[0] == "domain") && len(n.DNSSearch) == 0:
			search = f[1:]
		case f[0] == "options" && len(n.DNSOptions) == 0:
			options = append(options, f[1:]...)
		}
	}
	search = slices.DeleteFunc(slices.Clone(search), func(s string) bool { return s == "." })
	fmt.Fprintf(&out, "search %s\n", strings.Join(append([]string{joint.Domain}, search...), " "))
	fmt.Fprintf(&out, "nameserver %s\n", resolver)
	if len(options) > 0 {
		fmt.Fprintf(&out, "options %s\n", strings.Join(options, " "))
	}
	return out.Bytes()
}

// HostNames are the container's own names in its hosts file.
func HostNames(c *spec.Container) []string {
	if c.OCI.Hostname != "" && c.OCI.Hostname != c.Name {
		return []string{c.OCI.Hostname, c.Name}
	}
	return []string{c.Name}
}

// tellBridges puts rc-bridge and what it is told into the shim's plan.
func (r *run) tellBridges(plan *shim.Plan) error {
	var err error
	if plan.NetHelper, err = config.Program("rc-bridge"); err != nil {
		return err
	}
	c := joint.Config{ID: r.c.ID, Store: *r.bridges.store, Dir: r.dir.RunPath(), Servers: servers(&r.c.Network)}
	if r.network != nil {
		if c.Uplink, err = json.Marshal(r.network); err != nil {
			return err
		}
	}
	plan.NetConfig, err = json.Marshal(c)
	return err
}

// servers are those of --dns, but for the word none.
func servers(n *spec.Network) []string {
	return slices.DeleteFunc(slices.Clone(n.DNS), func(s string) bool { return s == "none" })
}

// join finds the user's other containers on bridge networks, whose user namespace the shim is
// started in; nil is one of its own, or that of a container which --userns joins.
func (b *bridges) join(r *run) (*os.File, error) {
	if b == nil {
		return nil, nil //nolint:nilnil // it is no error
	}
	var err error
	if b.lock, err = b.hub.Lock(); err != nil {
		return nil, err
	}
	if b.spaces, err = b.hub.Find(); err != nil || b.spaces == nil {
		return nil, err
	}
	if r.joined.shim != nil && !sameUserns(b.spaces.User, r.joined.shim) {
		return nil, errs.WithHint(
			errs.Unsupportedf("--userns container:%s: containers on bridge networks share a user namespace, in which that one is not", r.c.Userns.Container),
			"put that container on a bridge network, too")
	}
	return b.spaces.User, nil
}

// sameUserns compares a namespace with that of a process.
func sameUserns(space, pidfd *os.File) bool {
	mine, err := space.Stat()
	if err != nil {
		return false
	}
	pid, err := pidOf(pidfd)
	if err != nil {
		return false
	}
	other, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/ns/user")
	return err == nil && os.SameFile(mine, other)
}

// pidOf is the pid of a pidfd's process: proc_pid_fdinfo(5).
func pidOf(pidfd *os.File) (int, error) {
	data, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(pidfd.Fd())))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "Pid:"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("pidfd: %w", errs.ErrNotFound)
}

// birth tells the shim of the hub.
func (b *bridges) birth(to *shim.Birth) {
	if b == nil {
		return
	}
	to.Bridges = true
	if b.spaces != nil {
		to.Hub = b.spaces.Net
	}
}

// joinedBy is called when the shim was started in the others' user namespace. From now on it can
// be found by who comes next.
func (b *bridges) joinedBy(r *run) error {
	if b == nil || b.spaces == nil {
		return nil
	}
	err := b.hub.Register(r.c.ID, r.shim.PID)
	b.close()
	return err
}

// found is called when a shim that makes the hub has its ids.
func (b *bridges) found(r *run) error {
	if b == nil || b.lock == nil {
		return nil
	}
	err := b.hub.Register(r.c.ID, r.shim.PID)
	b.close()
	return err
}

func (b *bridges) close() {
	if b == nil {
		return
	}
	b.spaces.Close()
	if b.lock != nil {
		_ = b.lock.Close()
	}
	b.spaces, b.lock = nil, nil
}
