package link

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Spaces are the two ends of a connection.
type Spaces struct {
	hub, own *netlink.Handle
	ownNS    *os.File
}

// Open makes ready to connect the namespace own with the hub. The files stay the caller's, and
// open. The caller must have all capabilities in the user namespaces of both.
func Open(hub, own *os.File) (*Spaces, error) {
	s := &Spaces{ownNS: own}
	var err error
	if s.hub, err = handle(hub); err != nil {
		return nil, fmt.Errorf("network: the namespace of the bridges: %w", err)
	}
	if s.own, err = handle(own); err != nil {
		s.hub.Close()
		return nil, fmt.Errorf("network: the container's namespace: %w", err)
	}
	return s, nil
}

// handle is not netlink.NewHandleAt, which takes the thread back to the host's namespace: nobody
// may who is in a user namespace, and the thread would stay where it was.
func handle(netns *os.File) (h *netlink.Handle, err error) {
	err = linux.WithinNet(netns, func() error {
		var err error
		h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	return h, err
}

// Close lets go of them.
func (s *Spaces) Close() {
	s.hub.Close()
	s.own.Close()
}

// LoopbackUp is for whoever cannot wait for the container to do it.
func (s *Spaces) LoopbackUp() error {
	lo, err := s.own.LinkByName("lo")
	if err == nil {
		err = s.own.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("network: interface lo: %w", err)
	}
	return nil
}

// Attach connects the container as p says; what is there already stays. The caller holds the
// lock of the hub's interfaces.
func (s *Spaces) Attach(p Plan) error {
	index, err := s.bridge(p.Bridge)
	if err != nil {
		return fmt.Errorf("bridge %q: %w", p.Bridge.Name, explain(err))
	}
	if err := s.connect(p, index); err != nil {
		return fmt.Errorf("interface %q: %w", p.Interface, explain(err))
	}
	return nil
}

// explain says what errors of rtnetlink(7) mean here.
func explain(err error) error {
	switch {
	case errors.Is(err, errNoIPv6):
		return errs.WithHint(err, "see sysctl net.ipv6.conf.all.disable_ipv6, and ipv6.disable in /proc/cmdline; or make the network without an IPv6 subnet")
	case errors.Is(err, unix.EOPNOTSUPP):
		return errs.WithCheck(err, "the kernel lacks bridges or virtual interfaces: sudo modprobe -a bridge veth", "bridge")
	}
	return err
}

var errNoIPv6 = errors.New("IPv6 is switched off")

// addressError tells by which address an interface could not have. The kernel gives EACCES where
// disable_ipv6 is set, and EOPNOTSUPP where it was started without IPv6.
func addressError(p netip.Prefix, err error) error {
	if p.Addr().Is6() && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EOPNOTSUPP)) {
		return fmt.Errorf("address %s: %w: %w", p, errNoIPv6, err)
	}
	return fmt.Errorf("address %s: %w", p, err)
}

// bridge makes the network's bridge be there, and returns its number.
func (s *Spaces) bridge(b Bridge) (int, error) {
	link, err := s.hub.LinkByName(b.Name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MTU = b.Name, b.MTU
		if attrs.HardwareAddr, err = net.ParseMAC(b.MAC); err != nil {
			return 0, err
		}
		// Without snooping a bridge floods what IPv6 needs to find neighbours; there is no querier.
		err = s.hub.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: new(bool)})
		if err != nil {
			return 0, err
		}
		link, err = s.hub.LinkByName(b.Name)
	}
	if err != nil {
		return 0, err
	}
	if link.Type() != "bridge" {
		return 0, errs.ErrExists
	}
	if err := setAddresses(s.hub, link, b.Addresses); err != nil {
		return 0, err
	}
	return link.Attrs().Index, s.hub.LinkSetUp(link)
}

// connect makes the pair of interfaces, where it is not there, and configures the container's.
func (s *Spaces) connect(p Plan, bridge int) error {
	mac, err := net.ParseMAC(p.MAC)
	if err != nil {
		return err
	}
	link, err := s.own.LinkByName(p.Interface)
	switch {
	case err == nil && (link.Type() != "veth" || link.Attrs().HardwareAddr.String() != mac.String()):
		return errs.ErrExists
	case errors.As(err, new(netlink.LinkNotFoundError)):
		if err := s.pair(p, bridge, mac); err != nil {
			return err
		}
		link, err = s.own.LinkByName(p.Interface)
	case err == nil:
		err = s.plug(link.Attrs().ParentIndex, bridge)
	}
	if err != nil {
		return err
	}
	if err := setAddresses(s.own, link, p.Addresses); err != nil {
		return err
	}
	if err := s.own.LinkSetUp(link); err != nil {
		return err
	}
	for _, r := range p.Routes {
		route := &netlink.Route{Dst: ipNet(r.Destination), Gw: r.Gateway.AsSlice(), Priority: r.Metric, LinkIndex: link.Attrs().Index}
		if err := s.own.RouteReplace(route); err != nil {
			return fmt.Errorf("route to %s by %s: %w", r.Destination, r.Gateway, err)
		}
	}
	return nil
}

// plug makes the hub's end of a pair that is there be in the bridge: another one than it was in, where
// that was deleted.
func (s *Spaces) plug(end, bridge int) error {
	link, err := s.hub.LinkByIndex(end)
	if err == nil && link.Attrs().MasterIndex != bridge {
		err = s.hub.LinkSetMasterByIndex(link, bridge)
	}
	if err == nil {
		err = s.hub.LinkSetUp(link)
	}
	return err
}

func (s *Spaces) pair(p Plan, bridge int, mac net.HardwareAddr) error {
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.Flags = "v"+hex.EncodeToString(random[:]), p.Bridge.MTU, net.FlagUp
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: p.Interface, PeerHardwareAddr: mac, PeerMTU: uint32(p.Bridge.MTU),
		PeerNamespace: netlink.NsFd(s.ownNS.Fd()),
	}
	if err := s.hub.LinkAdd(veth); err != nil {
		return err
	}
	err := s.hub.LinkSetMasterByIndex(veth, bridge)
	if err == nil {
		err = s.hub.LinkSetUp(veth)
	}
	if err != nil {
		return errors.Join(err, s.hub.LinkDel(veth))
	}
	return nil
}

// setAddresses makes an interface have those addresses, and of IPv6 its link-local one.
func setAddresses(h *netlink.Handle, link netlink.Link, want []netip.Prefix) error {
	have, err := h.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	var there []netip.Prefix
	for _, a := range have {
		ip, _ := netip.AddrFromSlice(a.IP)
		ones, _ := a.Mask.Size()
		p := netip.PrefixFrom(ip.Unmap(), ones)
		if slices.Contains(want, p) {
			there = append(there, p)
		} else if !p.Addr().IsLinkLocalUnicast() {
			if err := h.AddrDel(link, &a); err != nil {
				return err
			}
		}
	}
	for _, p := range want {
		if slices.Contains(there, p) {
			continue
		}
		a := &netlink.Addr{IPNet: ipNet(p)}
		if p.Addr().Is6() {
			a.Flags = unix.IFA_F_NODAD // it is given to nobody else, and there at once
		}
		if err := h.AddrAdd(link, a); err != nil && !errors.Is(err, unix.EEXIST) {
			return addressError(p, err)
		}
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// Detach takes the container's interface away; that it is not there is no error. The caller
// holds the lock of the hub's interfaces.
func (s *Spaces) Detach(name string) error {
	link, err := s.own.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil
	}
	if err == nil && link.Type() == "veth" {
		err = s.own.LinkDel(link)
	}
	if err != nil {
		return fmt.Errorf("interface %q: %w", name, err)
	}
	return nil
}

// Tidy takes away bridges that nobody is connected to. The caller holds the lock of the hub's
// interfaces.
func (s *Spaces) Tidy() error {
	links, err := s.hub.LinkList()
	if err != nil {
		return err
	}
	for _, link := range links {
		used := slices.ContainsFunc(links, func(l netlink.Link) bool { return l.Attrs().MasterIndex == link.Attrs().Index })
		if link.Type() == "bridge" && !used {
			err = errors.Join(err, s.hub.LinkDel(link))
		}
	}
	return err
}
