package bridge

import (
	"net/netip"
	"time"
)

// Network is a bridge network as podman's network inspect shows it.
type Network struct {
	Name              string            `json:"name"`
	ID                string            `json:"id"`
	Driver            string            `json:"driver"`
	NetworkInterface  string            `json:"network_interface"`
	Created           time.Time         `json:"created"`
	Subnets           []Subnet          `json:"subnets,omitempty"`
	Routes            []Route           `json:"routes,omitempty"`
	IPv6Enabled       bool              `json:"ipv6_enabled"`
	Internal          bool              `json:"internal"`
	DNSEnabled        bool              `json:"dns_enabled"`
	NetworkDNSServers []string          `json:"network_dns_servers,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Options           map[string]string `json:"options,omitempty"`
	IPAMOptions       map[string]string `json:"ipam_options,omitempty"`
}

// Subnet is one range of a network's addresses.
type Subnet struct {
	Subnet  netip.Prefix `json:"subnet"`
	Gateway netip.Addr   `json:"gateway,omitzero"`
	// LeaseRange narrows what containers are given that ask for no address.
	LeaseRange *LeaseRange `json:"lease_range,omitempty"`
}

// LeaseRange is inclusive.
type LeaseRange struct {
	StartIP netip.Addr `json:"start_ip,omitzero"`
	EndIP   netip.Addr `json:"end_ip,omitzero"`
}

// Route is a static route of each container on the network.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Gateway     netip.Addr   `json:"gateway"`
	Metric      *uint32      `json:"metric,omitempty"`
}

// Words of the options.
const (
	Driver            = "bridge"
	OptionMTU         = "mtu"
	OptionIsolate     = "isolate"
	OptionNoDefault   = "no_default_route"
	ipamDriver        = "host-local"
	defaultInterface  = "rc0"
	defaultNetworkID  = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9" // podman's
	defaultSubnetText = "10.88.0.0/16"
)

// Default is the network that is there without being made.
func Default(name string, subnet netip.Prefix) Network {
	return Network{
		Name: name, ID: defaultNetworkID, Driver: Driver, NetworkInterface: defaultInterface, Created: time.Unix(0, 0).UTC(),
		Subnets:     []Subnet{{Subnet: subnet, Gateway: subnet.Addr().Next()}},
		IPAMOptions: map[string]string{"driver": ipamDriver},
	}
}

// Outward says whether containers reach the world through this network.
func (n *Network) Outward() bool {
	return !n.Internal && n.Options[OptionNoDefault] != "true" && n.Options[OptionNoDefault] != "1"
}

// Subnet4 and Subnet6 are the first of a kind, nil without one.
func (n *Network) Subnet4() *Subnet { return n.subnet(false) }

// Subnet6 is Subnet4 for IPv6.
func (n *Network) Subnet6() *Subnet { return n.subnet(true) }

func (n *Network) subnet(six bool) *Subnet {
	for i := range n.Subnets {
		if n.Subnets[i].Subnet.Addr().Is6() == six {
			return &n.Subnets[i]
		}
	}
	return nil
}
