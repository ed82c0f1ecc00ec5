package names

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/joint"
)

// Server answers one container.
type Server struct {
	mu       sync.Mutex
	zones    zones
	networks []string // with names
	forward  bool     // others' names are asked for
	upstream upstream
}

// New makes a server of what the store knows.
func New(store *bridge.Store) *Server {
	return &Server{zones: zones{store: store, list: map[string]*zone{}}}
}

// Follow says which networks the container is on, and which name servers the user gave it.
// dial opens sockets in the container's namespace.
func (s *Server) Follow(networks []bridge.Network, servers []string, dial Dialer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.networks, s.forward = nil, false
	s.upstream = upstream{servers: servers, dial: dial}
	for _, n := range networks {
		if n.DNSEnabled {
			s.networks = append(s.networks, n.Name)
		}
		s.forward = s.forward || n.Outward()
		if len(servers) == 0 {
			s.upstream.servers = append(s.upstream.servers, n.NetworkDNSServers...)
		}
	}
	s.zones.list = map[string]*zone{}
}

// ServeDNS is dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	answer, up := s.own(q)
	if answer == nil {
		answer = up.ask(context.Background(), q, w.RemoteAddr().Network() == "tcp")
	}
	if w.RemoteAddr().Network() == "udp" {
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		answer.Truncate(size)
	}
	_ = w.WriteMsg(answer) // who does not get it asks again
}

// own is the answer to what the networks know, or nil and whom to ask.
func (s *Server) own(q *dns.Msg) (*dns.Msg, upstream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 {
		return failed(q, dns.RcodeNotImplemented), upstream{}
	}
	question := q.Question[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
	if question.Qclass == dns.ClassINET {
		if m := s.answer(q, question, name); m != nil {
			return m, upstream{}
		}
	}
	if !s.forward || strings.HasSuffix(name, "."+joint.Domain) {
		return failed(q, dns.RcodeNameError), upstream{}
	}
	return nil, s.upstream
}

func (s *Server) answer(q *dns.Msg, question dns.Question, name string) *dns.Msg {
	if addr, ok := reverseName(name); ok {
		host := s.zones.reverse(s.networks, addr)
		if host == "" {
			return nil
		}
		m := reply(q)
		if question.Qtype == dns.TypePTR || question.Qtype == dns.TypeANY {
			m.Answer = append(m.Answer, &dns.PTR{Hdr: header(question.Name, dns.TypePTR), Ptr: dns.Fqdn(host)})
		}
		return m
	}
	list4, known := s.zones.lookup(s.networks, name, false)
	if !known {
		return nil
	}
	m := reply(q)
	if question.Qtype == dns.TypeA || question.Qtype == dns.TypeANY {
		for _, a := range unique(list4) {
			m.Answer = append(m.Answer, &dns.A{Hdr: header(question.Name, dns.TypeA), A: a.AsSlice()})
		}
	}
	if question.Qtype == dns.TypeAAAA || question.Qtype == dns.TypeANY {
		list6, _ := s.zones.lookup(s.networks, name, true)
		for _, a := range unique(list6) {
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header(question.Name, dns.TypeAAAA), AAAA: a.AsSlice()})
		}
	}
	return m
}

func unique(list []netip.Addr) []netip.Addr {
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}

// header lets nobody keep the answer: a container may be gone in a moment.
func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 0}
}

func reply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	if o := q.IsEdns0(); o != nil {
		const ourSize = 1232 // DNS flag day 2020
		m.SetEdns0(ourSize, o.Do())
	}
	return m
}

func failed(q *dns.Msg, code int) *dns.Msg {
	m := reply(q)
	m.Rcode = code
	return m
}

// reverseName reads 5.0.89.10.in-addr.arpa and its like in ip6.arpa.
func reverseName(name string) (netip.Addr, bool) {
	if rest, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		labels := strings.Split(rest, ".")
		slices.Reverse(labels)
		a, err := netip.ParseAddr(strings.Join(labels, "."))
		return a, err == nil && a.Is4()
	}
	rest, ok := strings.CutSuffix(name, ".ip6.arpa")
	labels := strings.Split(rest, ".")
	if !ok || len(labels) != 32 {
		return netip.Addr{}, false
	}
	slices.Reverse(labels)
	var b strings.Builder
	for i, l := range labels {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		if len(l) != 1 {
			return netip.Addr{}, false
		}
		b.WriteString(l)
	}
	a, err := netip.ParseAddr(b.String())
	return a, err == nil
}

// Serve answers on the listeners until they are closed.
func (s *Server) Serve(l Listeners) {
	for _, srv := range []*dns.Server{{PacketConn: l.UDP, Handler: s}, {Listener: l.TCP, Handler: s}} {
		go func() { _ = srv.ActivateAndServe() }()
	}
}
