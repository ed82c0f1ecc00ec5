package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Lease is a container's place on a network, as long as it runs.
type Lease struct {
	Container string   `json:"container"` // id
	Name      string   `json:"name"`
	Network   string   `json:"network"`
	Aliases   []string `json:"aliases,omitempty"`
	// IP and IP6 are with the length of the subnet.
	IP        netip.Prefix `json:"ip,omitzero"`
	IP6       netip.Prefix `json:"ip6,omitzero"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	Gateway6  netip.Addr   `json:"gateway6,omitzero"`
	MAC       string       `json:"mac"`
	Interface string       `json:"interface"`
}

// Request is what a container wants of a network; empty where anything will do.
type Request struct {
	Container, Name string
	Interface       string
	IP, IP6, MAC    string
	Aliases         []string
}

// shortID is how much of an id is a name, too.
const shortID = 12

// Names are all by which others find the container.
func (l *Lease) Names() []string {
	names := append([]string{l.Name}, l.Aliases...)
	if len(l.Container) >= shortID {
		names = append(names, l.Container[:shortID])
	}
	return names
}

// Addresses are those that the lease has.
func (l *Lease) Addresses() []netip.Addr {
	var list []netip.Addr
	for _, p := range []netip.Prefix{l.IP, l.IP6} {
		if p.IsValid() {
			list = append(list, p.Addr())
		}
	}
	return list
}

// Check refuses addresses that the network has not.
func (n *Network) Check(r Request) error {
	for _, ask := range []struct {
		flag, text string
		sub        *Subnet
	}{{"ip", r.IP, n.Subnet4()}, {"ip6", r.IP6, n.Subnet6()}} {
		if ask.text == "" {
			continue
		}
		a, err := netip.ParseAddr(ask.text)
		switch {
		case err != nil:
			return errs.Invalidf("--%s %q: want an address", ask.flag, ask.text)
		case ask.sub == nil:
			return errs.Invalidf("--%s %s: network %q has no subnet for it", ask.flag, ask.text, n.Name)
		case a == ask.sub.Gateway:
			return errs.Invalidf("--%s %s: it is the gateway of network %q", ask.flag, ask.text, n.Name)
		case !ask.sub.usable(a):
			return errs.Invalidf("--%s %s: network %q has %s", ask.flag, ask.text, n.Name, ask.sub.Subnet)
		}
	}
	return nil
}

// usable says whether a host can have the address: it is neither the subnet's own nor, of
// IPv4, its broadcast address.
func (s *Subnet) usable(a netip.Addr) bool {
	return s.Subnet.Contains(a) && a != s.Subnet.Addr() && (a.Is6() || a != lastOf(s.Subnet))
}

// lastOf is a network's last address.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Take gives a container its place on a network. living says of an id whether the container
// runs or is about to: the lease of one that does neither is taken away.
func (s *Store) Take(n *Network, r Request, living func(id string) bool) (*Lease, error) {
	if err := n.Check(r); err != nil {
		return nil, err
	}
	dir := s.LeaseDir(n.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFile(dir + ".lock")
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	held, err := s.Leases(n.Name)
	if err != nil {
		return nil, err
	}
	l := &Lease{Container: r.Container, Name: r.Name, Network: n.Name, Aliases: r.Aliases, Interface: r.Interface}
	pick := &picker{store: s, held: held, living: living, self: r.Container}
	last, _ := os.ReadFile(lock.Name()) // where it cannot be read, the first free address will do
	next, next6, _ := strings.Cut(strings.TrimSpace(string(last)), " ")
	if l.IP, err = pick.address(n, n.Subnet4(), r.IP, next); err != nil {
		return nil, err
	}
	if l.IP6, err = pick.address(n, n.Subnet6(), r.IP6, next6); err != nil {
		return nil, err
	}
	if sub := n.Subnet4(); sub != nil {
		l.Gateway = sub.Gateway
	}
	if sub := n.Subnet6(); sub != nil {
		l.Gateway6 = sub.Gateway
	}
	if l.MAC = r.MAC; l.MAC == "" {
		l.MAC = macOf(l.Addresses()[0])
	}
	for _, o := range held {
		if o.MAC == l.MAC && o.Container != r.Container && living(o.Container) {
			return nil, fmt.Errorf("network %q: MAC address %s: %w by container %q", n.Name, l.MAC, errs.ErrInUse, o.Name)
		}
	}
	if err := s.writeLease(l); err != nil {
		return nil, err
	}
	return l, os.WriteFile(lock.Name(), []byte(addrText(l.IP)+" "+addrText(l.IP6)), 0o600)
}

func addrText(p netip.Prefix) string {
	if !p.IsValid() {
		return "-"
	}
	return p.Addr().String()
}

func (s *Store) writeLease(l *Lease) error {
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return linux.ReplaceFile(filepath.Join(s.LeaseDir(l.Network), l.Container), data)
}

// macOf makes a hardware address of an address, so that one that is given again is not
// looked for where it was before. It is a local one (02:…).
func macOf(a netip.Addr) string {
	b := a.AsSlice()
	b = b[len(b)-4:]
	if a.Is6() {
		return fmt.Sprintf("02:66:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
	}
	return fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3])
}

// picker chooses addresses.
type picker struct {
	store  *Store
	held   []Lease
	living func(id string) bool
	self   string
}

// address is the one that was asked for, or the next that is free after the last one given.
func (p *picker) address(n *Network, sub *Subnet, ask, last string) (netip.Prefix, error) {
	if sub == nil {
		return netip.Prefix{}, nil
	}
	if ask != "" {
		a := netip.MustParseAddr(ask) // Check has seen it
		if o := p.holder(a); o != nil {
			return netip.Prefix{}, fmt.Errorf("network %q: address %s: %w by container %q", n.Name, a, errs.ErrInUse, o.Name)
		}
		return netip.PrefixFrom(a, sub.Subnet.Bits()), nil
	}
	first, end := sub.Subnet.Addr().Next(), lastOf(sub.Subnet)
	if sub.LeaseRange != nil {
		if sub.LeaseRange.StartIP.IsValid() {
			first = sub.LeaseRange.StartIP
		}
		if sub.LeaseRange.EndIP.IsValid() {
			end = sub.LeaseRange.EndIP
		}
	}
	start := first
	if a, err := netip.ParseAddr(last); err == nil && !a.Less(first) && a.Less(end) {
		start = a.Next()
	}
	for a, turns := start, 0; turns < 2; a = a.Next() {
		if !a.IsValid() || end.Less(a) {
			a, turns = first, turns+1
		}
		if turns == 1 && !a.Less(start) || turns > 1 {
			break
		}
		if sub.usable(a) && a != sub.Gateway && p.holder(a) == nil {
			return netip.PrefixFrom(a, sub.Subnet.Bits()), nil
		}
	}
	return netip.Prefix{}, errs.WithHint(fmt.Errorf("network %q: no address of %s to %s is free: %w", n.Name, first, end, errs.ErrInUse),
		"remove containers, or make a network with a larger --subnet")
}

// holder is the lease that has an address, nil for none; one of a container that is no more
// goes.
func (p *picker) holder(a netip.Addr) *Lease {
	for i := range p.held {
		l := &p.held[i]
		if l.Container == p.self || !slices.Contains(l.Addresses(), a) {
			continue
		}
		if p.living(l.Container) {
			return l
		}
		_ = p.store.Release(l.Network, l.Container) // written over otherwise
	}
	return nil
}

// Leases are those of a network; a network that nobody is on has none.
func (s *Store) Leases(network string) ([]Lease, error) {
	ids, err := os.ReadDir(s.LeaseDir(network))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []Lease
	for _, id := range ids {
		if id.Name()[0] == '.' {
			continue // being written
		}
		l, err := s.Lease(network, id.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *l)
	}
	return list, nil
}

// Lease is a container's on one network; fs.ErrNotExist says that it has none.
func (s *Store) Lease(network, id string) (*Lease, error) {
	path := filepath.Join(s.LeaseDir(network), id)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var l Lease
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return &l, nil
}

// Held are all leases of one container, sorted by interface.
func (s *Store) Held(id string) ([]Lease, error) {
	paths, err := filepath.Glob(filepath.Join(s.Run, "networks", "*", id))
	if err != nil {
		return nil, err
	}
	var list []Lease
	for _, path := range paths {
		l, err := s.Lease(filepath.Base(filepath.Dir(path)), id)
		if err != nil {
			return nil, err
		}
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b Lease) int { return strings.Compare(a.Interface, b.Interface) })
	return list, nil
}

// Rename gives a container's leases its new name.
func (s *Store) Rename(id, name string) error {
	held, err := s.Held(id)
	for i := range held {
		held[i].Name = name
		err = errors.Join(err, s.writeLease(&held[i]))
	}
	return err
}

// Release takes a container off a network; that it was not on it is no error.
func (s *Store) Release(network, id string) error {
	err := os.Remove(filepath.Join(s.LeaseDir(network), id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
