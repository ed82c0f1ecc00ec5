package networks

import (
	"net/netip"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

// Inspection is a network and who is on it, as podman shows them.
type Inspection struct {
	bridge.Network

	Containers map[string]Member `json:"containers"`
}

// Member is a container that runs on a network.
type Member struct {
	Name       string               `json:"name"`
	Interfaces map[string]Interface `json:"interfaces"`
}

// Interface is one of a container's.
type Interface struct {
	Subnets    []Address `json:"subnets"`
	MACAddress string    `json:"mac_address"`
}

// Address is an interface's, and its network's gateway.
type Address struct {
	IPNet   netip.Prefix `json:"ipnet"`
	Gateway netip.Addr   `json:"gateway,omitzero"`
}

// Inspect shows one network.
func Inspect(cfg *config.Config, name string) (*Inspection, error) {
	store, err := records.Networks(cfg)
	if err != nil {
		return nil, err
	}
	n, err := store.Find(name)
	if err != nil {
		return nil, err
	}
	leases, err := store.Leases(n.Name)
	if err != nil {
		return nil, err
	}
	in := &Inspection{Network: *n, Containers: map[string]Member{}}
	root := records.Of(cfg)
	for _, l := range leases {
		if e, err := root.Find(l.Container); err != nil || !e.Alive() && !e.Starting {
			continue // a lease that a killed shim left
		}
		in.Containers[l.Container] = Member{Name: l.Name, Interfaces: map[string]Interface{l.Interface: interfaceOf(&l)}}
	}
	return in, nil
}

func interfaceOf(l *bridge.Lease) Interface {
	i := Interface{MACAddress: l.MAC, Subnets: []Address{}}
	if l.IP.IsValid() {
		i.Subnets = append(i.Subnets, Address{l.IP, l.Gateway})
	}
	if l.IP6.IsValid() {
		i.Subnets = append(i.Subnets, Address{l.IP6, l.Gateway6})
	}
	return i
}
