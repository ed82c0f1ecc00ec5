package link

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Resolver is the container's name server: docker's address for it.
func Resolver() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 11}) }

const (
	redirectTable = "rc-dns"
	// DNSPort is where a container asks.
	DNSPort = 53
)

// Redirect leads what the container sends to port 53 of Resolver to other ports of it. Without
// nftables in the kernel it gives an error, and has changed nothing.
func Redirect(s *Spaces, udp, tcp uint16) error {
	if err := linux.WithinNet(s.ownNS, func() error { return redirect(udp, tcp) }); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

func redirect(udp, tcp uint16) error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: redirectTable}
	c.AddTable(table) // so that it can be deleted
	c.DelTable(table)
	c.AddTable(table)
	chain := c.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})
	for _, r := range redirects(Resolver(), udp, tcp) {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r})
	}
	return c.Flush()
}

// redirects are the two rules, as nft(8) lists them:
//
//	ip daddr 127.0.0.11 meta l4proto udp udp dport 53 dnat to 127.0.0.11:UDP
//	ip daddr 127.0.0.11 meta l4proto tcp tcp dport 53 dnat to 127.0.0.11:TCP
func redirects(addr netip.Addr, udp, tcp uint16) [][]expr.Any {
	const destination, port = 16, 2 // offsets in the headers of IPv4, and of UDP and TCP
	var rules [][]expr.Any
	for _, p := range []struct {
		proto byte
		to    uint16
	}{{unix.IPPROTO_UDP, udp}, {unix.IPPROTO_TCP, tcp}} {
		rules = append(rules, []expr.Any{
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: destination, Len: 4},
			&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: addr.AsSlice()},
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: []byte{p.proto}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2},
			&expr.Cmp{Register: 1, Op: expr.CmpOpEq, Data: binary.BigEndian.AppendUint16(nil, DNSPort)},
			&expr.Immediate{Register: 1, Data: addr.AsSlice()},
			&expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, p.to)},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
		})
	}
	return rules
}
