package names

import (
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/joint"
)

// zone is what is known of one network. It is read again when the directory has changed.
type zone struct {
	network string
	changed time.Time
	settled bool // so long after the change that none can be missed
	byName  map[string][]netip.Addr
	byAddr  map[netip.Addr]string
}

// settle is longer than the clock of file systems takes for a step.
const settle = 50 * time.Millisecond

// zones are those of a container's networks.
type zones struct {
	store *bridge.Store
	list  map[string]*zone
}

// lookup finds the addresses of a name without its last dot; known says that there is such a
// container, if without an address of this kind.
func (z *zones) lookup(networks []string, name string, six bool) (list []netip.Addr, known bool) {
	name = strings.TrimSuffix(name, "."+joint.Domain)
	for _, network := range networks {
		for _, a := range z.zone(network).byName[name] {
			known = true
			if a.Is6() == six {
				list = append(list, a)
			}
		}
	}
	return list, known
}

// reverse finds the name of an address.
func (z *zones) reverse(networks []string, a netip.Addr) string {
	for _, network := range networks {
		if name := z.zone(network).byAddr[a]; name != "" {
			return name
		}
	}
	return ""
}

func (z *zones) zone(network string) *zone {
	old := z.list[network]
	info, err := os.Stat(z.store.LeaseDir(network))
	if err != nil {
		return &zone{}
	}
	if old != nil && old.settled && old.changed.Equal(info.ModTime()) {
		return old
	}
	fresh := &zone{
		network: network, changed: info.ModTime(), settled: time.Since(info.ModTime()) > settle,
		byName: map[string][]netip.Addr{}, byAddr: map[netip.Addr]string{},
	}
	leases, err := z.store.Leases(network)
	if err != nil {
		return fresh
	}
	for _, l := range leases {
		for _, name := range l.Names() {
			name = strings.ToLower(name)
			fresh.byName[name] = append(fresh.byName[name], l.Addresses()...)
		}
		for _, a := range l.Addresses() {
			fresh.byAddr[a] = l.Name
		}
	}
	z.list[network] = fresh
	return fresh
}
