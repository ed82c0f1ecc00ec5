package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rc-containers/rc/pkg/network/bridge"
)

// world is a store with two networks, and a server for a container on both.
func world(t *testing.T, options ...bridge.Options) (*bridge.Store, *Server, []bridge.Network) {
	t.Helper()
	s := &bridge.Store{Data: t.TempDir(), Run: t.TempDir()}
	var list []bridge.Network
	for _, o := range options {
		n, err := bridge.New(o)
		if err == nil {
			err = s.Create(n, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, *n)
	}
	server := New(s)
	server.Follow(list, nil, nil)
	return s, server, list
}

func join(t *testing.T, s *bridge.Store, n *bridge.Network, name, id string, aliases ...string) {
	t.Helper()
	r := bridge.Request{Container: id, Name: name, Interface: "eth0", Aliases: aliases}
	if _, err := s.Take(n, r, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
}

// ask is what a client gets to see.
func ask(t *testing.T, s *Server, name string, kind uint16) string {
	t.Helper()
	w := &writer{network: "udp"}
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	s.ServeDNS(w, q)
	if w.msg == nil || w.msg.Id != q.Id || !w.msg.Response {
		t.Fatalf("%s: %v", name, w.msg)
	}
	var all []string
	for _, rr := range w.msg.Answer {
		all = append(all, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return dns.RcodeToString[w.msg.Rcode] + " " + strings.Join(all, " ")
}

// writer is a client.
type writer struct {
	dns.ResponseWriter
	network string
	msg     *dns.Msg
}

func (w *writer) WriteMsg(m *dns.Msg) error { w.msg = m; return nil }
func (w *writer) RemoteAddr() net.Addr {
	if w.network == "tcp" {
		return &net.TCPAddr{}
	}
	return &net.UDPAddr{}
}

func TestNames(t *testing.T) {
	id := strings.Repeat("a", 64)
	s, server, list := world(t,
		bridge.Options{Name: "one", Subnets: []string{"10.61.0.0/24", "fd00:61::/64"}, Internal: true},
		bridge.Options{Name: "two", Subnets: []string{"10.62.0.0/24"}, Internal: true},
		bridge.Options{Name: "mute", Subnets: []string{"10.63.0.0/24"}, Internal: true, DisableDNS: true})
	join(t, s, &list[0], "web", id, "www", "Shared")
	join(t, s, &list[1], "db", strings.Repeat("b", 64), "shared")
	join(t, s, &list[2], "hidden", strings.Repeat("c", 64))
	for _, test := range []struct {
		name string
		kind uint16
		want string
	}{
		{"web.", dns.TypeA, "NOERROR 10.61.0.2"},
		{"WEB.dns.podman.", dns.TypeA, "NOERROR 10.61.0.2"},
		{"web.", dns.TypeAAAA, "NOERROR fd00:61::2"},
		{"web.", dns.TypeANY, "NOERROR 10.61.0.2 fd00:61::2"},
		{"web.", dns.TypeMX, "NOERROR "},
		{"www.", dns.TypeA, "NOERROR 10.61.0.2"},
		{id[:12] + ".", dns.TypeA, "NOERROR 10.61.0.2"},
		{"db.", dns.TypeAAAA, "NOERROR "},
		{"shared.", dns.TypeA, "NOERROR 10.61.0.2 10.62.0.2"},
		{"hidden.", dns.TypeA, "NXDOMAIN "},
		{"nothere.dns.podman.", dns.TypeA, "NXDOMAIN "},
		{"example.org.", dns.TypeA, "NXDOMAIN "}, // all networks are internal
		{"2.0.61.10.in-addr.arpa.", dns.TypePTR, "NOERROR web."},
		{"2.0.62.10.in-addr.arpa.", dns.TypePTR, "NOERROR db."},
		{"9.0.62.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN "},
		{"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.6.0.0.0.0.d.f.ip6.arpa.", dns.TypePTR, "NOERROR web."},
	} {
		if got := ask(t, server, test.name, test.kind); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.name, dns.TypeToString[test.kind], got, test.want)
		}
	}
}

// TestFollow: who joins is found at the next question, who leaves is not.
func TestFollow(t *testing.T) {
	s, server, list := world(t, bridge.Options{Name: "one", Internal: true})
	for i := range 100 {
		name := fmt.Sprintf("c%d", i)
		join(t, s, &list[0], name, name)
		if got := ask(t, server, name+".", dns.TypeA); !strings.HasPrefix(got, "NOERROR 10.") {
			t.Fatalf("%s: %s", name, got)
		}
		if i%2 == 1 {
			if err := s.Release("one", name); err != nil {
				t.Fatal(err)
			}
			if got := ask(t, server, name+".", dns.TypeA); got != "NXDOMAIN " {
				t.Fatalf("%s has left: %s", name, got)
			}
		}
	}
	if err := s.Rename("c0", "renamed"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, server, "renamed.", dns.TypeA) + ask(t, server, "c0.", dns.TypeA); !strings.HasSuffix(got, "NXDOMAIN ") {
		t.Errorf("%s", got)
	}
}

// TestForward: what is no container's is asked of the next server; the first that answers counts,
// and where none does, the client is told.
func TestForward(t *testing.T) {
	_, server, list := world(t, bridge.Options{Name: "one"})
	upper := &dns.Server{Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Answer = append(m.Answer, &dns.A{Hdr: header(q.Question[0].Name, dns.TypeA), A: net.IPv4(192, 0, 2, 7)})
		_ = w.WriteMsg(m)
	})}
	var err error
	if upper.PacketConn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go func() { _ = upper.ActivateAndServe() }()
	defer func() { _ = upper.PacketConn.Close() }()
	var asked []string
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		asked = append(asked, address)
		if address == "192.0.2.1:53" {
			return nil, os.ErrDeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, network, upper.PacketConn.LocalAddr().String())
	}
	server.Follow(list, []string{"192.0.2.1", "192.0.2.2"}, dial)
	if got := ask(t, server, "example.org.", dns.TypeA); got != "NOERROR 192.0.2.7" {
		t.Error(got)
	}
	if diff := cmp.Diff([]string{"192.0.2.1:53", "192.0.2.2:53"}, asked); diff != "" {
		t.Error(diff)
	}
	server.Follow(list, []string{"192.0.2.1"}, dial)
	if got := ask(t, server, "example.org.", dns.TypeA); got != "SERVFAIL " {
		t.Error(got)
	}
	list[0].NetworkDNSServers = []string{"192.0.2.3"}
	server.Follow(list, nil, dial)
	if got := ask(t, server, "example.org.", dns.TypeA); got != "NOERROR 192.0.2.7" {
		t.Error(got)
	}
}

// TestMany: many addresses of one name fit into what the client takes, or it is told to use TCP.
func TestMany(t *testing.T) {
	s, server, list := world(t, bridge.Options{Name: "one", Internal: true})
	for i := range 100 {
		join(t, s, &list[0], fmt.Sprintf("c%d", i), fmt.Sprint(i), "all")
	}
	q := new(dns.Msg)
	q.SetQuestion("all.", dns.TypeA)
	small, whole := &writer{network: "udp"}, &writer{network: "tcp"}
	server.ServeDNS(small, q)
	server.ServeDNS(whole, q)
	if !small.msg.Truncated || small.msg.Len() > dns.MinMsgSize {
		t.Errorf("UDP: %d bytes, truncated %v", small.msg.Len(), small.msg.Truncated)
	}
	if len(whole.msg.Answer) != 100 {
		t.Errorf("TCP: %d addresses", len(whole.msg.Answer))
	}
}

func FuzzReverseName(f *testing.F) {
	f.Add("2.0.61.10.in-addr.arpa")
	f.Add("2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.6.0.0.0.0.d.f.ip6.arpa")
	f.Fuzz(func(t *testing.T, name string) {
		a, ok := reverseName(name)
		if !ok {
			return
		}
		back, err := dns.ReverseAddr(a.String())
		if err != nil {
			t.Fatal(err)
		}
		if b, ok := reverseName(strings.TrimSuffix(back, ".")); !ok || a != b {
			t.Errorf("%s is %v, and back %s, %v", name, a, back, b)
		}
	})
}

// TestQueries: nonsense gets an answer, too.
func TestQueries(t *testing.T) {
	_, server, _ := world(t, bridge.Options{Name: "one", Internal: true})
	for _, q := range []*dns.Msg{{}, {MsgHdr: dns.MsgHdr{Opcode: dns.OpcodeUpdate}}, {Question: make([]dns.Question, 2)}} {
		w := &writer{network: "udp"}
		server.ServeDNS(w, q)
		if w.msg == nil || w.msg.Rcode == dns.RcodeSuccess {
			t.Errorf("%v: %v", q, w.msg)
		}
	}
}

func TestListen(t *testing.T) {
	own, err := os.Open("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	s, server, list := world(t, bridge.Options{Name: "one", Internal: true})
	join(t, s, &list[0], "web", "x")
	// This needs a privilege to enter the namespace that we are in already.
	l, err := Listen(t.Context(), own, netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)
	if err != nil {
		t.Skip("not root in this namespace:", err)
	}
	defer l.Close()
	server.Serve(l)
	for network, addr := range map[string]net.Addr{"udp": l.UDP.LocalAddr(), "tcp": l.TCP.Addr()} {
		q := new(dns.Msg)
		q.SetQuestion("web.", dns.TypeA)
		c := &dns.Client{Net: network, Timeout: 5 * time.Second}
		m, _, err := c.ExchangeContext(t.Context(), q, addr.String())
		if err != nil || len(m.Answer) != 1 {
			t.Errorf("%s: %v: %v", network, m, err)
		}
	}
}
