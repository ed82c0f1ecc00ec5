package names

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Dialer opens a connected socket.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// upstream is whom to ask for names that are no container's.
type upstream struct {
	servers []string // the user's; none is the host's
	dial    Dialer   // from where the user's are asked
}

const (
	hostResolvConf = "/etc/resolv.conf"
	// patience is how long one server is waited for. A client gives up after 5 s (resolv.conf(5)).
	patience = 2 * time.Second
	dnsPort  = "53"
)

// ask puts the question to one server after the other; where none answers it is an error for the
// client, too.
func (u upstream) ask(ctx context.Context, q *dns.Msg, tcp bool) *dns.Msg {
	servers, dial := u.servers, u.dial
	if len(servers) == 0 {
		servers, dial = hostServers(), (&net.Dialer{}).DialContext
	}
	network := "udp"
	if tcp {
		network = "tcp"
	}
	for _, server := range servers {
		if m, err := exchange(ctx, dial, network, net.JoinHostPort(server, dnsPort), q); err == nil {
			return m
		}
	}
	return failed(q, dns.RcodeServerFailure)
}

func exchange(ctx context.Context, dial Dialer, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}
	asked := q.Copy()
	asked.Id = dns.Id() // nobody shall guess it from the container's
	if err := c.WriteMsg(asked); err != nil {
		return nil, err
	}
	for {
		m, err := c.ReadMsg()
		if err != nil {
			return nil, err
		}
		if m.Id == asked.Id && m.Response {
			m.Id = q.Id
			return m, nil
		}
	}
}

// hostServers are the host's name servers now.
func hostServers() []string {
	data, err := os.ReadFile(hostResolvConf)
	if err != nil {
		return nil
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		if _, err := netip.ParseAddr(f[1]); err == nil {
			list = append(list, f[1])
		}
	}
	if len(list) == 0 {
		list = []string{"127.0.0.1"} // resolv.conf(5)
	}
	return list
}
