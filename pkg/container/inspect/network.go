package inspect

import (
	"fmt"
	"maps"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// NetworkSettings says how a container is connected.
type NetworkSettings struct {
	EndpointID             string
	Gateway                string
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	MacAddress             string
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	Ports                  map[string][]HostPort
	SandboxKey             string
	Networks               map[string]Endpoint `json:",omitempty"`
	// rc's own: how often the network's helper has died and was started anew, why it did so last,
	// and whether it is down for good; of a network that is shared, why it is no more.
	HelperRestarts int    `json:",omitempty"`
	HelperError    string `json:",omitempty"`
	Down           bool   `json:",omitempty"`
}

// HostPort is where a port of the container is reached.
type HostPort struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// Endpoint is a container's part in a network.
type Endpoint struct {
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	NetworkID           string
	DriverOpts          map[string]string
	IPAMConfig          map[string]string
	Links               []string
	Aliases             []string `json:",omitempty"`
}

// network shows leases for a container on bridge networks.
func network(c *spec.Container, e *state.Entry, link spec.NetworkState, leases []bridge.Lease) NetworkSettings {
	n := NetworkSettings{Ports: map[string][]HostPort{}}
	switch {
	case c.Network.Mode == spec.NetworkBridge:
		n.Networks = map[string]Endpoint{}
		for _, a := range c.Network.Attachments {
			n.Networks[a.Network] = Endpoint{NetworkID: a.Network, Aliases: a.Aliases}
		}
	case c.Network.Mode != "":
		n.Networks = map[string]Endpoint{c.Network.Mode: {NetworkID: c.Network.Mode}}
	}
	for _, exposed := range c.Network.Expose {
		n.Ports[exposed] = nil
	}
	if !e.Alive() {
		return n
	}
	maps.Copy(n.Ports, bindings(link.Link.Ports))
	endpoints := link.Link.Endpoints
	if c.Network.Mode == spec.NetworkBridge {
		endpoints = endpointsOf(leases) // not the container's own way out
	}
	for i, found := range endpoints {
		if i == 0 {
			n.Gateway, n.IPAddress, n.IPPrefixLen, n.MacAddress = found.Gateway, found.IP, found.Prefix, found.MAC
			n.IPv6Gateway, n.GlobalIPv6Address, n.GlobalIPv6PrefixLen = found.Gateway6, found.IP6, found.Prefix6
		}
		n.Networks[found.Network] = Endpoint{
			Gateway: found.Gateway, IPAddress: found.IP, IPPrefixLen: found.Prefix, MacAddress: found.MAC,
			IPv6Gateway: found.Gateway6, GlobalIPv6Address: found.IP6, GlobalIPv6PrefixLen: found.Prefix6, NetworkID: found.Network,
			Aliases: aliases(leases, found.Network),
		}
	}
	n.HelperRestarts, n.HelperError, n.Down = link.Restarts, link.LastError, link.Down
	if e.State != nil && e.State.PID > 0 && c.OCI.Linux != nil && spec.HasNamespace(&c.OCI, specs.NetworkNamespace) {
		n.SandboxKey = filepath.Join("/proc", fmt.Sprint(e.State.PID), "ns/net")
	}
	return n
}

// endpointsOf are the interfaces of a container that holds leases.
func endpointsOf(leases []bridge.Lease) []spec.Endpoint {
	var list []spec.Endpoint
	for _, l := range leases {
		e := spec.Endpoint{Network: l.Network, Interface: l.Interface, MAC: l.MAC}
		if l.IP.IsValid() {
			e.IP, e.Prefix, e.Gateway = l.IP.Addr().String(), l.IP.Bits(), l.Gateway.String()
		}
		if l.IP6.IsValid() {
			e.IP6, e.Prefix6, e.Gateway6 = l.IP6.Addr().String(), l.IP6.Bits(), l.Gateway6.String()
		}
		list = append(list, e)
	}
	return list
}

// aliases are the names, but for its own, by which a container is found on a network.
func aliases(leases []bridge.Lease, network string) []string {
	for _, l := range leases {
		if l.Network == network {
			return l.Names()[1:]
		}
	}
	return nil
}

// networkMode is what --network would take.
func networkMode(n *spec.Network) string {
	if n.Shared() {
		return n.Mode + ":" + n.Target
	}
	return n.Mode
}

// bindings are ports of the host by the container's; a number that is left to rc is "".
func bindings(ports []spec.Port) map[string][]HostPort {
	out := map[string][]HostPort{}
	for _, row := range ports {
		for _, p := range row.Single() {
			host := HostPort{HostIP: p.HostIP}
			if host.HostIP == "" {
				host.HostIP = "0.0.0.0"
			}
			if p.HostPort != 0 {
				host.HostPort = strconv.Itoa(int(p.HostPort))
			}
			if p.HostLast != 0 {
				host.HostPort += "-" + strconv.Itoa(int(p.HostLast))
			}
			out[p.Container()] = append(out[p.Container()], host)
		}
	}
	return out
}
