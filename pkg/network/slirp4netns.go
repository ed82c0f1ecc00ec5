package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// What slirp4netns(1) takes and does.
const (
	slirpMTU      = 65520 // the largest that helps: an IPv4 packet less a header
	slirpMaxMTU   = 65521
	slirpMaxBits  = 25 // the guest's address is the network's plus 100
	slirpGateway  = 2
	slirpDNS      = 3
	slirpGuest    = 100
	slirpTap      = "tap0"
	slirpSocket   = "slirp4netns.sock" // in rc-net's working directory: a path has 107 bytes at most
	minMTU        = 68                 // RFC 791
	minMTU6       = 1280
	slirpNetwork  = "10.0.2.0/24"
	optionNumbers = "want mtu, cidr, enable_ipv6, outbound_addr, outbound_addr6, allow_host_loopback or port_handler, each with =VALUE"
)

// slirpOptions are the options of --network slirp4netns:…, as podman-run(1) names them.
type slirpOptions struct {
	mtu                 int
	cidr                netip.Prefix
	ipv6, hostLoopback  bool
	handler             string
	outbound, outbound6 string
}

func parseSlirpOptions(options []string, ipv6 bool) (slirpOptions, error) {
	o := slirpOptions{mtu: slirpMTU, cidr: netip.MustParsePrefix(slirpNetwork), handler: handlerOwn, ipv6: ipv6}
	for _, option := range options {
		if option == "" {
			continue
		}
		key, value, _ := strings.Cut(option, "=")
		if want := o.set(key, value); want != "" {
			return o, badOption(ModeSlirp4netns, option, want)
		}
	}
	if o.ipv6 && o.mtu < minMTU6 {
		if !slices.Contains(options, "enable_ipv6=true") { // it was nobody's wish
			o.ipv6 = false
			return o, nil
		}
		return o, badOption(ModeSlirp4netns, "mtu="+strconv.Itoa(o.mtu), "IPv6 wants 1280 at least")
	}
	return o, nil
}

// set takes one option; what it wanted instead, where it does not like it.
func (o *slirpOptions) set(key, value string) (want string) {
	var err error
	switch key {
	case "mtu":
		o.mtu, err = strconv.Atoi(value)
		if err != nil || o.mtu < minMTU || o.mtu > slirpMaxMTU {
			return "want a number from 68 to 65521"
		}
	case "cidr":
		o.cidr, err = netip.ParsePrefix(value)
		if err != nil || !o.cidr.Addr().Is4() {
			return "want an IPv4 network like " + slirpNetwork
		}
		if o.cidr.Bits() > slirpMaxBits || o.cidr.Bits() == 0 {
			return "want a prefix length from 1 to 25: the container's address is the 100th"
		}
		if o.cidr.Masked() != o.cidr {
			return "want the network's own address, " + o.cidr.Masked().String()
		}
	case "enable_ipv6":
		return o.setBool(&o.ipv6, value)
	case "allow_host_loopback":
		return o.setBool(&o.hostLoopback, value)
	case "outbound_addr":
		o.outbound = value
		if addr, err := netip.ParseAddr(value); (err != nil || !addr.Is4()) && !spec.IsInterface(value) {
			return "want an IPv4 address of the host or the name of an interface"
		}
	case "outbound_addr6":
		o.outbound6 = value
		if addr, err := netip.ParseAddr(value); (err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "") && !spec.IsInterface(value) {
			return "want an IPv6 address of the host or the name of an interface"
		}
	case "port_handler":
		switch value {
		case handlerOwn:
			o.handler = handlerOwn
		case ModeSlirp4netns:
			o.handler = handlerProgram
		default:
			return "want rootlesskit or slirp4netns"
		}
	default:
		return optionNumbers
	}
	return ""
}

func (o *slirpOptions) setBool(to *bool, value string) (want string) {
	switch value {
	case "true":
		*to = true
	case "false":
		*to = false
	default:
		return "want true or false"
	}
	return ""
}

func slirp4netnsPlan(options []string, ports []spec.Port, ipv6 bool) (Plan, error) {
	o, err := parseSlirpOptions(options, ipv6)
	if err != nil {
		return Plan{}, err
	}
	network := o.cidr.Addr()
	p := Plan{
		Mode: ModeSlirp4netns, Interface: slirpTap,
		IP:      add(network, slirpGuest).String(),
		Prefix:  o.cidr.Bits(),
		Gateway: add(network, slirpGateway).String(),
		DNS:     []string{add(network, slirpDNS).String()},
	}
	// The sandbox and its own filter cost 1 ms: a program that parses what a container
	// sends is worth that.
	p.Args = []string{"--configure", "--ready-fd=4", "--mtu=" + strconv.Itoa(o.mtu), "--enable-sandbox", "--enable-seccomp"}
	if o.cidr.String() != slirpNetwork {
		p.Args = append(p.Args, "--cidr="+o.cidr.String())
	}
	if o.hostLoopback {
		p.HostIP = p.Gateway
	} else {
		p.Args = append(p.Args, "--disable-host-loopback")
	}
	if o.ipv6 {
		p.Args = append(p.Args, "--enable-ipv6")
	}
	if o.outbound != "" {
		p.Args = append(p.Args, "--outbound-addr="+o.outbound)
	}
	if o.outbound6 != "" {
		p.Args = append(p.Args, "--outbound-addr6="+o.outbound6)
	}
	if len(ports) > 0 {
		p.Handler = o.handler
	}
	if p.Handler == handlerProgram {
		for _, row := range ports {
			if strings.Contains(row.HostIP, ":") {
				return p, errs.Unsupportedf("-p %s:%s: slirp4netns forwards IPv4 only: leave port_handler=slirp4netns out", row.Host(), row.Container())
			}
		}
		p.Args = append(p.Args, "--api-socket="+slirpSocket)
	}
	p.Args = append(p.Args, "--netns-type=path", "/proc/self/fd/3", slirpTap)
	return p, nil
}
