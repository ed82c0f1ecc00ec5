package bridge

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rc-containers/rc/pkg/errs"
)

func newStore(t *testing.T) *Store {
	t.Helper()
	return &Store{Data: t.TempDir(), Run: t.TempDir()}
}

func everybody(string) bool { return true }

func mustCreate(t *testing.T, s *Store, o Options) *Network {
	t.Helper()
	n, err := New(o)
	if err == nil {
		err = s.Create(n, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCreate(t *testing.T) {
	s := newStore(t)
	a := mustCreate(t, s, Options{Name: "a"})
	b := mustCreate(t, s, Options{Name: "b", IPv6: true})
	if a.Subnets[0].Subnet.Overlaps(b.Subnets[0].Subnet) {
		t.Errorf("both have %v", a.Subnets)
	}
	if !b.IPv6Enabled || b.Subnet6() == nil || b.Subnet4() == nil {
		t.Errorf("%+v", b)
	}
	got, err := s.Find(b.ID[:10])
	if err != nil {
		t.Fatal(err)
	}
	b.Created = got.Created // without the monotonic clock
	if diff := cmp.Diff(b, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := s.Create(&Network{Name: "a"}, nil); !errors.Is(err, errs.ErrExists) {
		t.Errorf("again: %v", err)
	}
	names, err := s.Names()
	if diff := cmp.Diff([]string{"a", "b", "podman"}, names); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	if err := os.WriteFile(s.path("a"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find("a"); err == nil || errs.Hint(err) == "" {
		t.Errorf("a broken record: %v", err)
	}
	if err := s.Remove("a"); err != nil {
		t.Errorf("a broken record cannot be removed: %v", err)
	}
}

// TestSubnets: what is chosen meets neither networks nor the host; a pool that is used up is an
// error.
func TestSubnets(t *testing.T) {
	s := newStore(t)
	s.Pools = []Pool{{netip.MustParsePrefix("10.50.0.0/22"), 24}}
	taken := []netip.Prefix{netip.MustParsePrefix("10.50.1.128/25"), netip.MustParsePrefix("0.0.0.0/0")}
	var got []string
	for {
		n := &Network{}
		if err := s.Create(n, taken); err != nil {
			if !errors.Is(err, errs.ErrInUse) || errs.Hint(err) == "" {
				t.Errorf("%v", err)
			}
			break
		}
		got = append(got, n.Subnets[0].Subnet.String())
	}
	if diff := cmp.Diff([]string{"10.50.0.0/24", "10.50.2.0/24", "10.50.3.0/24"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCreateParallel(t *testing.T) {
	s := newStore(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := s.Create(&Network{Name: fmt.Sprintf("n%d", i)}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all, err := s.List()
	if err != nil || len(all) != 51 {
		t.Fatalf("%d networks: %v", len(all), err)
	}
	for i, n := range all {
		for _, o := range all[:i] {
			if n.Subnets[0].Subnet.Overlaps(o.Subnets[0].Subnet) || n.NetworkInterface == o.NetworkInterface {
				t.Errorf("%+v and %+v", n, o)
			}
		}
	}
}

// TestLeases: no address twice, none again soon, the asked one if it is free; those of the dead
// are free.
func TestLeases(t *testing.T) {
	s := newStore(t)
	n := mustCreate(t, s, Options{Name: "a", Subnets: []string{"10.60.0.0/29", "fd00:60::/64"}})
	take := func(id, ip string) (*Lease, error) {
		return s.Take(n, Request{Container: id, Name: "name-" + id, IP: ip, Interface: "eth0"}, func(id string) bool { return id != "dead" })
	}
	var got []string
	for _, id := range []string{"a", "dead", "c"} {
		l, err := take(id, "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.IP.String()+" "+l.IP6.String()+" "+l.MAC)
	}
	if err := s.Release("a", "c"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"d", "e", "f"} {
		l, err := take(id, "")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.IP.String())
	}
	want := []string{
		"10.60.0.2/29 fd00:60::2/64 02:42:0a:3c:00:02", "10.60.0.3/29 fd00:60::3/64 02:42:0a:3c:00:03",
		"10.60.0.4/29 fd00:60::4/64 02:42:0a:3c:00:04", "10.60.0.5/29", "10.60.0.6/29", "10.60.0.3/29",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if l, err := take("g", "10.60.0.4"); err != nil || l.IP.Addr().String() != "10.60.0.4" {
		t.Errorf("%v, %v", l, err)
	}
	if _, err := take("h", "10.60.0.4"); !errors.Is(err, errs.ErrInUse) || !strings.Contains(err.Error(), `"name-g"`) {
		t.Errorf("taken: %v", err)
	}
	if _, err := take("h", ""); !errors.Is(err, errs.ErrInUse) || errs.Hint(err) == "" {
		t.Errorf("exhausted: %v", err)
	}
	for _, ip := range []string{"10.60.0.1", "10.60.0.0", "10.60.0.7", "10.61.0.2", "nonsense"} {
		if _, err := take("h", ip); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", ip, err)
		}
	}
	if again, err := take("g", ""); err != nil || again.Container != "g" {
		t.Errorf("%v, %v", again, err)
	}
	if err := s.Release("a", "g"); err != nil {
		t.Fatal(err)
	}
	if held, err := s.Held("g"); err != nil || len(held) != 0 {
		t.Errorf("%v, %v", held, err)
	}
}

func TestLeasesParallel(t *testing.T) {
	s := newStore(t)
	n := mustCreate(t, s, Options{Name: "a"})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := s.Take(n, Request{Container: fmt.Sprint(i), Interface: "eth0"}, everybody); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	leases, err := s.Leases("a")
	if err != nil || len(leases) != 100 {
		t.Fatalf("%d leases: %v", len(leases), err)
	}
	seen := map[netip.Prefix]bool{}
	for _, l := range leases {
		if seen[l.IP] {
			t.Errorf("%v twice", l.IP)
		}
		seen[l.IP] = true
	}
}

// TestRange: only what the range has is given.
func TestRange(t *testing.T) {
	s := newStore(t)
	n := mustCreate(t, s, Options{Name: "a", Subnets: []string{"10.60.0.0/24"}, IPRanges: []string{"10.60.0.10-10.60.0.11"}})
	var got []string
	for i := range 3 {
		l, err := s.Take(n, Request{Container: fmt.Sprint(i), Interface: "eth0"}, everybody)
		if err != nil {
			got = append(got, "none")
			continue
		}
		got = append(got, l.IP.Addr().String())
	}
	if diff := cmp.Diff([]string{"10.60.0.10", "10.60.0.11", "none"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{
		{Driver: "macvlan"},
		{Driver: "x"},
		{IPAMDriver: "dhcp"},
		{IPAMDriver: "x"},
		{Name: "-a"},
		{Name: "none"},
		{Interface: "a/b"},
		{Labels: []string{"=a"}},
		{DNS: []string{"x"}},
		{DNS: []string{"1.1.1.1"}, DisableDNS: true},
		{Gateways: []string{"10.0.0.1"}},
		{Subnets: []string{"10.0.0.0/24", "10.1.0.0/24"}},
		{Subnets: []string{"224.0.0.0/24"}},
		{Subnets: []string{"127.0.0.0/24"}},
		{Subnets: []string{"10.0.0.0/24"}, IPRanges: []string{"10.0.0.9-10.0.0.3"}},
		{Options: []string{"mtu=x"}},
		{Options: []string{"mtu"}},
		{IPv6: true, Options: []string{"mtu=600"}},
		{Routes: []string{"a"}},
		{Routes: []string{"10.0.0.0/8,fd00::1"}},
		{Routes: []string{"10.0.0.0/8,10.1.0.1,x"}},
		{Options: []string{"vlan=3"}},
	} {
		if n, err := New(o); err == nil {
			t.Errorf("%+v was taken: %+v", o, n)
		}
	}
}

func TestFilter(t *testing.T) {
	now := func(string) (time.Time, error) { return time.Unix(100, 0), nil }
	l := &Listed{Network: Network{Name: "web", ID: "abc", Driver: Driver, Labels: map[string]string{"a": "1"}, Created: time.Unix(50, 0)}, Users: 1}
	for text, want := range map[string]bool{
		"name=we": true, "name=x": false, "id=ab": true, "id=b": false, "driver=bridge": true, "driver=x": false, "label=a": true,
		"label=a=1": true, "label=a=2": false, "label!=a": false, "dangling=true": false, "dangling=false": true, "until=x": true,
		"scope=local": true, "scope=swarm": false, "type=custom": true, "type=builtin": false,
	} {
		f, err := ParseFilter([]string{text}, FilterKeys(), now)
		if err != nil || f.Match(l) != want {
			t.Errorf("%s: %v, want %v; %v", text, !want, want, err)
		}
	}
	for _, text := range []string{"x", "x=y", "dangling=x", "name=(", "type=x"} {
		if _, err := ParseFilter([]string{text}, FilterKeys(), now); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("10.0.0.0/24", "10.0.0.1", "10.0.0.128/25", "mtu=1", "10.0.0.0/8,10.0.0.2,1")
	f.Add("fd00::/64", "fd00::1", "fd00::1-fd00::2", "isolate=strict", "::/0,fd00::1")
	f.Fuzz(func(t *testing.T, subnet, gateway, ipRange, option, route string) {
		n, err := New(Options{
			Subnets: []string{subnet}, Gateways: []string{gateway}, IPRanges: []string{ipRange}, Options: []string{option}, Routes: []string{route},
		})
		if err != nil {
			return
		}
		for _, sub := range n.Subnets {
			if !sub.usable(sub.Gateway) {
				t.Errorf("gateway %v of %v", sub.Gateway, sub.Subnet)
			}
		}
	})
}

func TestHostRoutes(t *testing.T) {
	if p, ok := route4(strings.Fields("eth0 0001A8C0 00000000 0001 0 0 100 00FFFFFF 0 0 0")); !ok || p.String() != "192.168.1.0/24" {
		t.Errorf("%v, %v", p, ok)
	}
	if _, ok := route4(strings.Fields("eth0 00000000 0101A8C0 0003 0 0 100 00000000 0 0 0")); ok {
		t.Error("the default route takes all")
	}
	if p, ok := route6(strings.Fields("fd000000000000000000000000000000 40 0 0 0 0 0 0 0 eth0")); !ok || p.String() != "fd00::/64" {
		t.Errorf("%v, %v", p, ok)
	}
	if _, ok := route6(strings.Fields("fe800000000000000000000000000000 40 0 0 0 0 0 0 0 eth0")); ok {
		t.Error("link-local networks are everywhere")
	}
}
