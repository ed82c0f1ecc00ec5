package bridge

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// Pool is where subnets are taken from: those of Size bits in Base.
type Pool struct {
	Base netip.Prefix
	Size int
}

// pools are podman's (default_subnet_pools of containers.conf(5)).
func pools() []Pool {
	list := []Pool{}
	for _, base := range []string{"10.89.0.0/16", "10.90.0.0/15", "10.92.0.0/14", "10.96.0.0/11", "10.128.0.0/9"} {
		list = append(list, Pool{netip.MustParsePrefix(base), 24})
	}
	return list
}

// slirp is the network of slirp4netns in each container that has one.
func slirp() netip.Prefix { return netip.MustParsePrefix("10.0.2.0/24") }

// chooseSubnets gives a network subnets where it was given none, and refuses those that meet
// others. What a user asked for may lie in a route of the host's, which his container then does
// not reach, unless it is one of the host's own networks, all.
func chooseSubnets(n *Network, from []Pool, all []Network, taken []netip.Prefix) error {
	var others []netip.Prefix
	for _, o := range all {
		for _, sub := range o.Subnets {
			others = append(others, sub.Subnet)
			if i := slices.IndexFunc(n.Subnets, func(s Subnet) bool { return s.Subnet.Overlaps(sub.Subnet) }); i >= 0 {
				return fmt.Errorf("subnet %s: %w by network %q (%s)", n.Subnets[i].Subnet, errs.ErrInUse, o.Name, sub.Subnet)
			}
		}
	}
	for i, sub := range n.Subnets {
		for _, t := range append(taken, slirp()) {
			if t.Bits() > 0 && sub.Subnet.Overlaps(t) {
				return fmt.Errorf("subnet %s: %w on this host, which routes %s", sub.Subnet, errs.ErrInUse, t)
			}
		}
		for _, other := range n.Subnets[:i] {
			if other.Subnet.Overlaps(sub.Subnet) {
				return errs.Invalidf("subnet %s: it meets %s of the same network", sub.Subnet, other.Subnet)
			}
		}
	}
	avoid := slices.Concat(others, taken, []netip.Prefix{slirp()})
	if n.Subnet4() == nil && (n.Subnet6() == nil || !n.IPv6Enabled) {
		sub, err := freeSubnet(from, avoid)
		if err != nil {
			return err
		}
		n.Subnets = append([]Subnet{sub}, n.Subnets...)
	}
	if n.IPv6Enabled && n.Subnet6() == nil {
		sub, err := randomSubnet6(avoid)
		if err != nil {
			return err
		}
		n.Subnets = append(n.Subnets, sub)
	}
	n.IPv6Enabled = n.Subnet6() != nil
	return nil
}

// freeSubnet is the first of the pools' that meets none of avoid.
func freeSubnet(from []Pool, avoid []netip.Prefix) (Subnet, error) {
	if len(from) == 0 {
		from = pools()
	}
	for _, pool := range from {
		if !pool.Base.Addr().Is4() {
			continue
		}
		count := uint64(1) << (pool.Size - pool.Base.Bits())
		step := uint32(1) << (32 - pool.Size)
		b := pool.Base.Masked().Addr().As4()
		base := binary.BigEndian.Uint32(b[:])
		for i := range count {
			binary.BigEndian.PutUint32(b[:], base+uint32(i)*step)
			p := netip.PrefixFrom(netip.AddrFrom4(b), pool.Size)
			if !slices.ContainsFunc(avoid, func(a netip.Prefix) bool { return a.Bits() > 0 && a.Overlaps(p) }) {
				return Subnet{Subnet: p, Gateway: p.Addr().Next()}, nil
			}
		}
	}
	return Subnet{}, errs.WithHint(fmt.Errorf("network: no subnet is free in default_subnet_pools: %w", errs.ErrInUse),
		"rc network prune, or give one with --subnet")
}

// randomSubnet6 is a unique local network (RFC 4193).
func randomSubnet6(avoid []netip.Prefix) (Subnet, error) {
	for range 100 {
		var b [16]byte
		if _, err := rand.Read(b[1:8]); err != nil {
			return Subnet{}, err
		}
		b[0] = 0xfd
		p := netip.PrefixFrom(netip.AddrFrom16(b), 64)
		if !slices.ContainsFunc(avoid, func(a netip.Prefix) bool { return a.Bits() > 0 && a.Overlaps(p) }) {
			return Subnet{Subnet: p, Gateway: p.Addr().Next()}, nil
		}
	}
	return Subnet{}, fmt.Errorf("network: no IPv6 subnet is free: %w", errs.ErrInUse)
}

// HostNetworks are those that the host has routes to, but for its default routes.
func HostNetworks() []netip.Prefix {
	var list []netip.Prefix
	// A host without one of the files has no such routes.
	routes, _ := os.ReadFile("/proc/net/route")
	routes6, _ := os.ReadFile("/proc/net/ipv6_route")
	for line := range strings.Lines(string(routes)) {
		if p, ok := route4(strings.Fields(line)); ok {
			list = append(list, p)
		}
	}
	for line := range strings.Lines(string(routes6)) {
		if p, ok := route6(strings.Fields(line)); ok {
			list = append(list, p)
		}
	}
	return list
}

// route4 reads a line of /proc/net/route: interface, destination, …, mask is the eighth; both
// in the machine's byte order, little-endian wherever rc runs.
func route4(f []string) (netip.Prefix, bool) {
	if len(f) < 8 {
		return netip.Prefix{}, false
	}
	dest, err := strconv.ParseUint(f[1], 16, 32)
	mask, maskErr := strconv.ParseUint(f[7], 16, 32)
	if err != nil || maskErr != nil || mask == 0 {
		return netip.Prefix{}, false
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(dest))
	bits := 0
	for m := uint32(mask); m != 0; m &= m - 1 {
		bits++
	}
	return netip.PrefixFrom(netip.AddrFrom4(b), bits), true
}

// route6 reads a line of /proc/net/ipv6_route: destination, its length in hex, …, device last.
// Link-local and multicast networks are on every link and take nothing away.
func route6(f []string) (netip.Prefix, bool) {
	if len(f) < 10 || f[9] == "lo" {
		return netip.Prefix{}, false
	}
	raw, err := hex.DecodeString(f[0])
	bits, bitsErr := strconv.ParseUint(f[1], 16, 8)
	if err != nil || bitsErr != nil || len(raw) != 16 || bits == 0 || bits > 128 {
		return netip.Prefix{}, false
	}
	a := netip.AddrFrom16([16]byte(raw))
	return netip.PrefixFrom(a, int(bits)), !a.IsLinkLocalUnicast() && !a.IsMulticast()
}
