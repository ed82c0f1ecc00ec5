package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
)

// look finds a network helper: in the directories that containers.conf names, then by PATH.
func look(cfg *config.Config) network.Look {
	return func(name string) (string, error) {
		for _, dir := range cfg.Containers.HelperDirs {
			if path, err := exec.LookPath(dir + "/" + name); err == nil {
				return path, nil
			}
		}
		return exec.LookPath(name)
	}
}

// defaultNetworks are the modes of a container that was not given one, without and with
// published ports; "" where no program for it is installed, which create.Container turns into
// an error if it matters.
func defaultNetworks(cfg *config.Config) (mode, publish string, err error) {
	switch command := cfg.Containers.NetworkCommand; command {
	case "":
	case network.ModePasta, network.ModeSlirp4netns:
		return command, command, nil
	default:
		return "", "", errs.Invalidf("containers.conf: default_rootless_network_cmd %q: want pasta or slirp4netns", command)
	}
	m := network.ThisMachine(look(cfg))
	if mode, err = network.Default(m, false); err != nil {
		return "", "", nil //nolint:nilerr // it may not matter
	}
	publish, _ = network.Default(m, true)
	return mode, publish, nil
}

// checkNetwork refuses what planNetwork would, but for ports that are taken: the container that
// is to be replaced may have them.
func (r *run) checkNetwork() error {
	return r.makeNetworkPlan(r.c.Network.Ports)
}

// planNetwork decides how the container is connected, with the ports that takePorts took.
func (r *run) planNetwork() error {
	var ports []spec.Port
	if r.ports != nil {
		ports = r.ports.Ports
	}
	if err := r.makeNetworkPlan(ports); err != nil {
		return err
	}
	if r.network != nil && r.network.BindsAlone() {
		r.ports.Release()
	}
	return nil
}

// takePorts takes the ports that are to be published, before anything is started. It waits a moment for one
// that no living container has: rc does not stay until the helpers of one that has ended, and may have had it,
// are gone, too.
func (r *run) takePorts(ctx context.Context) error {
	ports := r.c.Network.Ports
	reserved, err := network.Reserve(ports)
	if errors.Is(err, errs.ErrInUse) {
		if held := r.holderOf(ports); held != nil {
			return held
		}
		reserved, err = network.Await(ctx, ports, err, portPatience)
	}
	if errors.Is(err, errs.ErrInUse) {
		if held := r.holderOf(ports); held != nil {
			return held
		}
	}
	r.ports = reserved
	return err
}

// portPatience is for a busy machine; a helper is usually gone within a few milliseconds.
const portPatience = time.Second

// makeNetworkPlan is for networks that need a helper.
func (r *run) makeNetworkPlan(ports []spec.Port) error {
	n := &r.c.Network
	switch n.Mode {
	case spec.NetworkNone, spec.NetworkHost:
		return r.checkHostGateway()
	case spec.NetworkContainer, spec.NetworkPath:
		return nil // there is a network already
	}
	if n.Mode == spec.NetworkBridge {
		if err := r.planBridges(ports); err != nil {
			return err
		}
		return r.checkHostGateway()
	}
	options := slices.Concat(r.cfg.Containers.PastaOptions, n.Options)
	if n.Mode == network.ModeSlirp4netns {
		options = slices.Concat(r.cfg.Containers.Slirp4netnsOptions, n.Options)
	}
	plan, err := network.NewPlan(n.Mode, options, ports, network.ThisMachine(look(r.cfg)))
	if err != nil {
		return err
	}
	if err := plan.Limit(n.Rate, options); err != nil {
		return err
	}
	plan.Dir = r.records().RunDir(r.c.ID)
	r.network = &plan
	return r.checkHostGateway()
}

// holderOf is the error that names the container that has a port, nil where it is none.
func (r *run) holderOf(ports []spec.Port) error {
	entries, _ := r.records().List()
	for _, e := range entries {
		if !e.Alive() {
			continue
		}
		for _, taken := range r.records().Network(e.ID).Link.Ports {
			for _, p := range ports {
				if p.Meets(taken) {
					return errs.WithHint(fmt.Errorf("publish %s/%s: container %q has published it: %w", p.Host(), p.Protocol, e.Name, errs.ErrInUse),
						fmt.Sprintf("choose another port, leave it to rc (-p %d), or rc stop %s", p.ContainerPort, e.Name))
				}
			}
		}
	}
	return nil
}

// checkHostGateway refuses host-gateway where there is no such address.
func (r *run) checkHostGateway() error {
	for _, entry := range r.c.Network.AddHosts {
		if strings.HasSuffix(entry, ":"+spec.HostGateway) && r.hostAddress() == "" {
			hint := "name the address: --add-host NAME:IP"
			if r.c.Network.Mode == network.ModePasta {
				hint = "--network pasta:--map-gw, or --network slirp4netns"
			}
			return errs.WithHint(errs.Unsupportedf("--add-host %q: with --network %s the host has no address in the container", entry, r.c.Network.Mode), hint)
		}
	}
	return nil
}

// names is what the container's /etc/hosts and /etc/resolv.conf say.
func (r *run) names() create.Names {
	names := create.HostNames()
	if file := r.c.Network.HostsFile; file != "" && file != "none" {
		names.BaseHosts, _ = os.ReadFile(file) // one that is gone is empty
	}
	if r.network != nil {
		names.Address, names.NameServers = r.network.IP, r.network.DNS
	}
	if a := r.bridges.address(); a.IsValid() {
		names.Address = a.String()
	}
	names.HostAddress = r.hostAddress()
	return names
}

// hostAddress is where the container reaches the host: its loopback where that is mapped, else
// an address of the host's, which a container of slirp4netns has not itself.
func (r *run) hostAddress() string {
	switch set := r.cfg.Containers.HostContainersIP; {
	case set == "none":
		return ""
	case set != "":
		return set
	case r.c.Network.Mode == spec.NetworkHost:
		return "127.0.0.1"
	case r.network == nil:
		return ""
	case r.network.HostIP != "":
		return r.network.HostIP
	case r.network.Mode == network.ModeSlirp4netns:
		return outboundAddress()
	}
	return ""
}

// outboundAddress is the host's on the way to elsewhere; "" without a route. Nothing is sent:
// the address is one of those for documentation.
func outboundAddress() string {
	conn, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return ""
	}
	defer func() { _ = conn.Close() }()
	address, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok || address.IP.IsLoopback() {
		return ""
	}
	return address.IP.String()
}

// tellNetwork puts the helper and what it is told into the shim's plan.
func (r *run) tellNetwork(plan *shim.Plan) error {
	if r.bridges != nil {
		return r.tellBridges(plan)
	}
	if r.network == nil || r.connected != nil {
		return nil
	}
	var err error
	if plan.NetHelper, err = config.Program("rc-net"); err != nil {
		return err
	}
	if n := &r.c.Network; len(n.DNS) == 0 && n.Mode == r.network.Mode { // a bridge network has servers of its own
		r.network.Resolver = create.Resolver(n, r.network.DNS)
		r.network.Resolver.OldForwarder = n.Mode == network.ModePasta
	}
	plan.NetConfig, err = json.Marshal(r.network)
	return err
}
