package records

import (
	"net/netip"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/volume"
)

// Networks is where a user's bridge networks are.
func Networks(cfg *config.Config) (*bridge.Store, error) {
	c := &cfg.Containers
	s := &bridge.Store{Data: cfg.DataRoot, Run: cfg.RunRoot, DefaultName: c.DefaultNetwork}
	if c.DefaultNetwork != "" {
		if err := bridge.CheckName(c.DefaultNetwork); err != nil {
			return nil, errs.Invalidf("containers.conf: default_network: %w", err)
		}
	}
	if c.DefaultSubnet != "" {
		p, err := netip.ParsePrefix(c.DefaultSubnet)
		if err != nil || !p.Addr().Is4() || p.Bits() > 30 {
			return nil, errs.Invalidf("containers.conf: default_subnet %q: want a network such as 10.88.0.0/16", c.DefaultSubnet)
		}
		s.DefaultSubnet = p.Masked()
	}
	for _, pool := range c.SubnetPools {
		p, err := netip.ParsePrefix(pool.Base)
		if err != nil || !p.Addr().Is4() || pool.Size < p.Bits() || pool.Size > 30 {
			return nil, errs.Invalidf("containers.conf: default_subnet_pools: base %q, size %d: want an IPv4 network, and a longer prefix length up to 30",
				pool.Base, pool.Size)
		}
		s.Pools = append(s.Pools, bridge.Pool{Base: p.Masked(), Size: pool.Size})
	}
	return s, nil
}

// Of are where the records of containers are.
func Of(cfg *config.Config) state.Root { return state.Root{Data: cfg.DataRoot, Run: cfg.RunRoot} }

// Volumes are where volumes are.
func Volumes(cfg *config.Config) volume.Root {
	return volume.Root{Data: cfg.DataRoot, Run: cfg.RunRoot}
}
