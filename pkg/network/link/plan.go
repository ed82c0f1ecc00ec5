package link

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/rc-containers/rc/pkg/network/bridge"
)

// Plan is one connection of a container.
type Plan struct {
	// Bridge is the hub's side.
	Bridge Bridge `json:"bridge"`
	// Interface, MAC, Addresses and Routes are the container's.
	Interface string         `json:"interface"`
	MAC       string         `json:"mac"`
	Addresses []netip.Prefix `json:"addresses"`
	Routes    []Route        `json:"routes,omitempty"`
}

// Bridge is a network's.
type Bridge struct {
	Name string `json:"name"`
	MAC  string `json:"mac"`
	// MTU is that of the container's interface, too; 0 is the kernel's choice.
	MTU       int            `json:"mtu,omitempty"`
	Addresses []netip.Prefix `json:"addresses"`
}

// Route is by way of a neighbour on the network.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway"`
	Metric      int          `json:"metric,omitempty"`
}

// NewPlan is what connects the holder of a lease to its network.
func NewPlan(n *bridge.Network, l *bridge.Lease) Plan {
	p := Plan{Interface: l.Interface, MAC: l.MAC, Bridge: Bridge{Name: n.NetworkInterface}}
	p.Bridge.MTU, _ = strconv.Atoi(n.Options[bridge.OptionMTU]) // "" is 0
	for _, sub := range n.Subnets {
		if !sub.Gateway.IsValid() {
			continue
		}
		p.Bridge.Addresses = append(p.Bridge.Addresses, netip.PrefixFrom(sub.Gateway, sub.Subnet.Bits()))
		if p.Bridge.MAC == "" {
			p.Bridge.MAC = bridgeMAC(sub.Gateway)
		}
	}
	for _, a := range []netip.Prefix{l.IP, l.IP6} {
		if a.IsValid() {
			p.Addresses = append(p.Addresses, a)
		}
	}
	for _, r := range n.Routes {
		route := Route{Destination: r.Destination, Gateway: r.Gateway}
		if r.Metric != nil {
			route.Metric = int(*r.Metric)
		}
		p.Routes = append(p.Routes, route)
	}
	return p
}

// bridgeMAC keeps a bridge's hardware address from being that of whoever joined it last.
func bridgeMAC(gateway netip.Addr) string {
	b := gateway.AsSlice()
	b = b[len(b)-4:]
	return fmt.Sprintf("02:67:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}
