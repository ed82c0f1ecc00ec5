package link

import (
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/names"
	"github.com/rc-containers/rc/test/testns"
)

var update = flag.Bool("update", false, "write golden files")

func TestMain(m *testing.M) { testns.Main(m) }

func testNetwork(t *testing.T) *bridge.Network {
	t.Helper()
	n, err := bridge.New(bridge.Options{
		Name: "web", Interface: "rc7", Subnets: []string{"10.89.7.0/24", "fd00:7::/64"}, Options: []string{"mtu=1400"},
		Routes: []string{"10.20.0.0/16,10.89.7.9,50"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func testLease(host byte) *bridge.Lease {
	six := netip.MustParseAddr("fd00:7::").As16()
	six[15] = host
	return &bridge.Lease{
		Interface: "eth0", MAC: net.HardwareAddr{2, 0x42, 10, 89, 7, host}.String(),
		IP:  netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 89, 7, host}), 24),
		IP6: netip.PrefixFrom(netip.AddrFrom16(six), 64),
	}
}

// TestPlan: what is to be configured, and which rules lead to the name server.
func TestPlan(t *testing.T) {
	got, err := json.MarshalIndent(struct {
		Plan      Plan
		Redirects any
	}{NewPlan(testNetwork(t), testLease(5)), redirects(Resolver(), 40000, 50000)}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "plan.json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// newNetns is a network namespace that ends with its file.
func newNetns(t *testing.T) *os.File {
	t.Helper()
	type made struct {
		f   *os.File
		err error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread()
		var m made
		if m.err = unix.Unshare(unix.CLONE_NEWNET); m.err == nil {
			m.f, m.err = os.Open("/proc/thread-self/ns/net")
		}
		done <- m
	}()
	m := <-done
	if m.err != nil {
		t.Fatal(m.err)
	}
	t.Cleanup(func() { _ = m.f.Close() })
	return m.f
}

func open(t *testing.T, hub *os.File) (*Spaces, *os.File) {
	t.Helper()
	own := newNetns(t)
	s, err := Open(hub, own)
	if err == nil {
		err = s.LoopbackUp()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, own
}

func links(t *testing.T, h *netlink.Handle) []string {
	t.Helper()
	list, err := h.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range list {
		if l.Attrs().Name != "lo" {
			names = append(names, l.Type())
		}
	}
	return names
}

// TestAttach: two containers reach each other by both kinds of addresses; attaching again changes
// nothing; a third on another network is out of reach; detaching leaves nothing.
func TestAttach(t *testing.T) {
	hub := newNetns(t)
	n := testNetwork(t)
	a, _ := open(t, hub)
	b, inB := open(t, hub)
	for range 2 {
		for host, s := range map[byte]*Spaces{2: a, 3: b} {
			if err := s.Attach(NewPlan(n, testLease(host))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff([]string{"bridge", "veth", "veth"}, links(t, a.hub)); diff != "" {
		t.Error(diff)
	}
	dial := names.DialIn(inB)
	for _, to := range []string{"10.89.7.2:9", "[fd00:7::2]:9"} {
		if _, err := dial(t.Context(), "tcp", to); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s does not answer: %v", to, err)
		}
	}
	other, err := bridge.New(bridge.Options{Name: "other", Interface: "rc8", Subnets: []string{"10.89.8.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	c, inC := open(t, hub)
	lease := &bridge.Lease{Interface: "eth0", MAC: "02:42:0a:59:08:02", IP: netip.MustParsePrefix("10.89.8.2/24")}
	if err := c.Attach(NewPlan(other, lease)); err != nil {
		t.Fatal(err)
	}
	if _, err := names.DialIn(inC)(t.Context(), "tcp", "10.89.7.2:9"); err == nil || strings.Contains(err.Error(), "refused") {
		t.Errorf("networks are not isolated: %v", err)
	}
	for _, s := range []*Spaces{a, b, c} {
		if err := s.Detach("eth0"); err != nil {
			t.Fatal(err)
		}
		if err := s.Detach("eth0"); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := s.Tidy(); err != nil {
			t.Fatal(err)
		}
	}
	if left := links(t, a.hub); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestChanged: a bridge that was left with another network's addresses gets its own; an interface that
// is somebody else's stays.
func TestChanged(t *testing.T) {
	hub := newNetns(t)
	s, _ := open(t, hub)
	p := NewPlan(testNetwork(t), testLease(2))
	if err := s.Attach(p); err != nil {
		t.Fatal(err)
	}
	p.Bridge.Addresses = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/24")}
	if err := s.Attach(p); err != nil {
		t.Fatal(err)
	}
	link, err := s.hub.LinkByName("rc7")
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.hub.AddrList(link, netlink.FAMILY_V4)
	if err != nil || len(list) != 1 || list[0].IPNet.String() != "10.1.2.3/24" {
		t.Errorf("%v: %v", list, err)
	}
	// One that was deleted is made again, and who was on it is plugged in.
	if err := s.hub.LinkDel(link); err != nil {
		t.Fatal(err)
	}
	if err := s.Attach(p); err != nil {
		t.Fatal(err)
	}
	if link, err = s.hub.LinkByName("rc7"); err != nil {
		t.Fatal(err)
	}
	all, err := s.hub.LinkList()
	if err != nil || !slices.ContainsFunc(all, func(l netlink.Link) bool { return l.Attrs().MasterIndex == link.Attrs().Index }) {
		t.Errorf("nobody is on the new bridge: %v", err)
	}
	p.MAC = "02:00:00:00:00:01"
	if err := s.Attach(p); err == nil {
		t.Error("an interface of another MAC was taken for the container's")
	}
}

// TestWithoutIPv6: a network with IPv6 is refused where one of the namespaces has none, and the error
// says so; one without is connected all the same.
func TestWithoutIPv6(t *testing.T) {
	four, err := bridge.New(bridge.Options{Name: "four", Interface: "rc8", Subnets: []string{"10.89.8.0/24"}})
	if err != nil {
		t.Fatal(err)
	}
	lease := &bridge.Lease{Interface: "eth1", MAC: "02:42:0a:59:08:02", IP: netip.MustParsePrefix("10.89.8.2/24")}
	for _, where := range []string{"hub", "container"} {
		hub := newNetns(t)
		s, own := open(t, hub)
		off := map[string]*os.File{"hub": hub, "container": own}[where]
		err := linux.WithinNet(off, func() error { // /proc/sys/net is the thread's
			return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Attach(NewPlan(testNetwork(t), testLease(2)))
		if !errors.Is(err, errNoIPv6) || !strings.Contains(errs.Hint(err), "disable_ipv6") {
			t.Errorf("off in the %s: %v; hint %q", where, err, errs.Hint(err))
		}
		if err := s.Attach(NewPlan(four, lease)); err != nil {
			t.Errorf("off in the %s: without IPv6: %v", where, err)
		}
	}
	err = explain(addressError(netip.MustParsePrefix("fd00::2/64"), unix.EOPNOTSUPP)) // of a kernel without IPv6
	if !strings.Contains(errs.Hint(err), "ipv6.disable") {
		t.Errorf("%v; hint %q", err, errs.Hint(err))
	}
}

// TestRedirect: port 53 of the resolver leads to the ports that listen, by UDP and TCP, also the second
// time; the container can have port 53 of all addresses.
func TestRedirect(t *testing.T) {
	s, own := open(t, newNetns(t))
	for range 2 {
		l, err := names.Listen(t.Context(), own, Resolver(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		udp, tcp := l.Ports()
		if err := Redirect(s, udp, tcp); err != nil {
			t.Fatal(err)
		}
		go func() {
			b := make([]byte, 100)
			n, from, err := l.UDP.ReadFrom(b)
			if err == nil {
				_, _ = l.UDP.WriteTo(b[:n], from)
			}
		}()
		conn, err := names.DialIn(own)(t.Context(), "udp", "127.0.0.11:53")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 9)); err != nil || n != 1 {
			t.Fatalf("%d: %v", n, err)
		}
		if _, err := names.DialIn(own)(t.Context(), "tcp", "127.0.0.11:53"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := names.Listen(t.Context(), own, netip.IPv4Unspecified(), DNSPort)
	if err != nil {
		t.Fatalf("the container cannot have port 53: %v", err)
	}
	all.Close()
}
