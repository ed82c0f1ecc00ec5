package bridge

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Options are the flags of network create, as a user writes them.
type Options struct {
	Name, Driver, Interface      string
	Subnets, Gateways, IPRanges  []string
	IPv6, Internal, DisableDNS   bool
	Options, Labels, DNS, Routes []string
	IPAMDriver                   string
}

// New makes a network of options. Create adds what they leave open.
func New(o Options) (*Network, error) {
	if err := o.checkDriver(); err != nil {
		return nil, err
	}
	n := &Network{
		Name: o.Name, Driver: Driver, NetworkInterface: o.Interface, IPv6Enabled: o.IPv6, Internal: o.Internal,
		DNSEnabled: !o.DisableDNS, Labels: map[string]string{}, Options: map[string]string{},
		IPAMOptions: map[string]string{"driver": ipamDriver},
	}
	if o.Name != "" {
		if err := CheckName(o.Name); err != nil {
			return nil, err
		}
	}
	if o.Interface != "" && !isInterface(o.Interface) {
		return nil, errs.Invalidf("--interface-name %q: want the name of an interface: up to 15 characters without space and /", o.Interface)
	}
	for _, label := range o.Labels {
		key, value, _ := strings.Cut(label, "=")
		if key == "" {
			return nil, errs.Invalidf("--label %q: want KEY=VALUE", label)
		}
		n.Labels[key] = value
	}
	for _, server := range o.DNS {
		if err := n.addServer(server); err != nil {
			return nil, err
		}
	}
	if o.DisableDNS && len(o.DNS) > 0 {
		return nil, errs.Invalidf("--dns %s: together with --disable-dns", o.DNS[0])
	}
	if err := n.addSubnets(o); err != nil {
		return nil, err
	}
	for _, option := range o.Options {
		if err := n.addOption(option); err != nil {
			return nil, err
		}
	}
	for _, route := range o.Routes {
		r, err := parseRoute(route)
		if err != nil {
			return nil, err
		}
		n.Routes = append(n.Routes, r)
	}
	return n, nil
}

// checkDriver refuses drivers that need a privilege on the host.
func (o Options) checkDriver() error {
	switch o.Driver {
	case "", Driver:
	case "macvlan", "ipvlan":
		return errs.WithHint(errs.Unsupportedf("--driver %s: it would put containers on an interface of the host's, which needs root there", o.Driver),
			"--driver bridge, and -p to be reached from outside")
	default:
		return errs.Invalidf("--driver %q: want bridge", o.Driver)
	}
	switch o.IPAMDriver {
	case "", ipamDriver:
	case "dhcp":
		return errs.Unsupportedf("--ipam-driver dhcp: there is no DHCP server on a network of the user's own namespace")
	default:
		return errs.Invalidf("--ipam-driver %q: want host-local", o.IPAMDriver)
	}
	return nil
}

// CheckName refuses what cannot be the name of a network, or means something else to --network.
func CheckName(name string) error {
	const longest = 200
	const want = "want a letter or digit, then letters, digits, '_', '.' or '-' ([a-zA-Z0-9][a-zA-Z0-9_.-]*)"
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || strings.IndexByte("_.-", c) < 0) {
			return errs.Invalidf("network %q: %s", name, want)
		}
	}
	if name == "" || len(name) > longest {
		return errs.Invalidf("network %q: want 1 to %d characters", name, longest)
	}
	switch name {
	case "none", "host", "private", "default", "bridge", "pasta", "slirp4netns", "container", "ns", "pod":
		return errs.Invalidf("network %q: to --network this word is a mode", name)
	}
	return nil
}

func isInterface(s string) bool {
	const longest = 15 // IFNAMSIZ less the zero
	return len(s) <= longest && s != "." && s != ".." && s != "lo" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == '/' || r == ':' || r > '~'
	})
}

// addServer takes a name server of the network's.
func (n *Network) addServer(server string) error {
	a, err := netip.ParseAddr(server)
	if err != nil || a.Zone() != "" {
		return errs.Invalidf("--dns %q: want an IP address", server)
	}
	if !slices.Contains(n.NetworkDNSServers, a.String()) {
		n.NetworkDNSServers = append(n.NetworkDNSServers, a.String())
	}
	return nil
}

// addSubnets takes subnets, and for the n-th its gateway and its range.
func (n *Network) addSubnets(o Options) error {
	if len(o.Gateways) > len(o.Subnets) {
		return errs.Invalidf("--gateway %s: without a --subnet of its own", o.Gateways[len(o.Subnets)])
	}
	if len(o.IPRanges) > len(o.Subnets) {
		return errs.Invalidf("--ip-range %s: without a --subnet of its own", o.IPRanges[len(o.Subnets)])
	}
	for i, text := range o.Subnets {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return errs.Invalidf("--subnet %q: want a network such as 10.89.5.0/24", text)
		case p.Addr().Is4In6() || p.Addr().IsMulticast() || p.Addr().IsLoopback() || p.Addr().IsUnspecified():
			return errs.Invalidf("--subnet %s: containers cannot have addresses of it", text)
		case p.Bits() > p.Addr().BitLen()-2 || p.Bits() < 8:
			return errs.Invalidf("--subnet %s: want a prefix length from 8 to %d", text, p.Addr().BitLen()-2)
		}
		sub := Subnet{Subnet: p.Masked()}
		if n.subnet(sub.Subnet.Addr().Is6()) != nil {
			return errs.Unsupportedf("--subnet %s: a second one of this kind; one for IPv4 and one for IPv6 is what a network can have", text)
		}
		sub.Gateway = sub.Subnet.Addr().Next()
		if i < len(o.Gateways) && o.Gateways[i] != "" {
			if sub.Gateway, err = netip.ParseAddr(o.Gateways[i]); err != nil || !sub.usable(sub.Gateway) {
				return errs.Invalidf("--gateway %q: want an address of %s", o.Gateways[i], sub.Subnet)
			}
		}
		if i < len(o.IPRanges) && o.IPRanges[i] != "" {
			if sub.LeaseRange, err = parseRange(o.IPRanges[i], sub); err != nil {
				return err
			}
		}
		n.Subnets = append(n.Subnets, sub)
		n.IPv6Enabled = n.IPv6Enabled || sub.Subnet.Addr().Is6()
	}
	return nil
}

// parseRange reads a network or FIRST-LAST within a subnet.
func parseRange(text string, sub Subnet) (*LeaseRange, error) {
	bad := errs.Invalidf("--ip-range %q: want a part of %s, as a network or as FIRST-LAST", text, sub.Subnet)
	if first, last, found := strings.Cut(text, "-"); found {
		a, err := netip.ParseAddr(first)
		b, errB := netip.ParseAddr(last)
		if err != nil || errB != nil || !sub.Subnet.Contains(a) || !sub.Subnet.Contains(b) || b.Less(a) {
			return nil, bad
		}
		return &LeaseRange{a, b}, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !sub.Subnet.Contains(p.Addr()) || p.Bits() < sub.Subnet.Bits() {
		return nil, bad
	}
	return &LeaseRange{p.Masked().Addr(), lastOf(p)}, nil
}

// addOption takes --opt KEY=VALUE.
func (n *Network) addOption(option string) error {
	key, value, _ := strings.Cut(option, "=")
	const mtuLow, mtuHigh, mtuLow6 = 68, 65535, 1280
	switch key {
	case OptionMTU, "com.docker.network.driver.mtu":
		mtu, err := strconv.Atoi(value)
		if err != nil || mtu != 0 && mtu < mtuLow || mtu > mtuHigh {
			return errs.Invalidf("--opt %s: want a number of bytes, %d to %d, or 0 for the kernel's choice", option, mtuLow, mtuHigh)
		}
		if n.IPv6Enabled && mtu != 0 && mtu < mtuLow6 {
			return errs.Invalidf("--opt %s: IPv6 wants %d at least", option, mtuLow6)
		}
		n.Options[OptionMTU] = value
	case OptionIsolate:
		switch value {
		case "true", "1", "strict":
			n.Options[OptionIsolate] = value
		default:
			return errs.WithHint(errs.Unsupportedf("--opt %s: rc's networks have no way from one to the other, so they are always isolated", option),
				"connect a container to both: rc network connect")
		}
	case OptionNoDefault:
		if _, err := strconv.ParseBool(value); err != nil {
			return errs.Invalidf("--opt %s: want true or false", option)
		}
		n.Options[OptionNoDefault] = value
	case "com.docker.network.bridge.name":
		if value == "" || !isInterface(value) {
			return errs.Invalidf("--opt %s: want the name of an interface", option)
		}
		n.NetworkInterface = value
	case "vlan", "vrf", "mode", "parent":
		return errs.Unsupportedf("--opt %s: it is about an interface of the host's, which needs root there", option)
	case "metric":
		return errs.Unsupportedf("--opt %s: a container's default route does not go by the bridge, but by its own uplink", option)
	default:
		return errs.Invalidf("--opt %q: want %s, each with =VALUE%s", option, strings.Join(OptionKeys(), ", "), spec.Meant(key, OptionKeys()))
	}
	return nil
}

// OptionKeys are those of --opt.
func OptionKeys() []string { return []string{OptionMTU, OptionIsolate, OptionNoDefault} }

// parseRoute reads DESTINATION,GATEWAY[,METRIC].
func parseRoute(text string) (Route, error) {
	f := strings.Split(text, ",")
	bad := errs.Invalidf("--route %q: want DESTINATION,GATEWAY[,METRIC], such as 10.21.0.0/24,10.89.0.2", text)
	if len(f) < 2 || len(f) > 3 {
		return Route{}, bad
	}
	dest, err := netip.ParsePrefix(f[0])
	gateway, errG := netip.ParseAddr(f[1])
	if err != nil || errG != nil || dest.Addr().Is4() != gateway.Is4() {
		return Route{}, bad
	}
	r := Route{Destination: dest.Masked(), Gateway: gateway}
	if len(f) == 3 {
		m, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return Route{}, bad
		}
		r.Metric = new(uint32(m))
	}
	return r, nil
}

// ChangeServers is network update: name servers to drop, and to add.
func (n *Network) ChangeServers(add, drop []string) error {
	if !n.DNSEnabled {
		return errs.Invalidf("network %q: it has no DNS (--disable-dns)", n.Name)
	}
	for _, server := range drop {
		if !slices.Contains(n.NetworkDNSServers, server) {
			return errs.Invalidf("--dns-drop %q: the network has %s", server, strings.Join(append([]string{"these servers:"}, n.NetworkDNSServers...), " "))
		}
	}
	n.NetworkDNSServers = slices.DeleteFunc(slices.Clone(n.NetworkDNSServers), func(s string) bool { return slices.Contains(drop, s) })
	for _, server := range add {
		if err := n.addServer(server); err != nil {
			return err
		}
	}
	return nil
}

// matches says whether labels fit KEY or KEY=VALUE.
func (n *Network) matches(label string) bool {
	key, want, withValue := strings.Cut(label, "=")
	got, ok := n.Labels[key]
	return ok && (!withValue || got == want)
}
