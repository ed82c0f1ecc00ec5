package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/rc-containers/rc/pkg/linux"
)

// Listeners are the sockets of a server.
type Listeners struct {
	UDP net.PacketConn
	TCP net.Listener
}

// Ports are their numbers.
func (l Listeners) Ports() (udp, tcp uint16) {
	u, _ := l.UDP.LocalAddr().(*net.UDPAddr)
	t, _ := l.TCP.Addr().(*net.TCPAddr)
	return uint16(u.Port), uint16(t.Port)
}

// Close closes them.
func (l Listeners) Close() { _ = errors.Join(l.UDP.Close(), l.TCP.Close()) }

// Listen opens the sockets of a server in a network namespace; port 0 is any that is free.
func Listen(ctx context.Context, netns *os.File, addr netip.Addr, port uint16) (Listeners, error) {
	var l Listeners
	at := netip.AddrPortFrom(addr, port).String()
	err := linux.WithinNet(netns, func() error {
		var err error
		config := net.ListenConfig{}
		if l.UDP, err = config.ListenPacket(ctx, "udp4", at); err != nil {
			return err
		}
		if l.TCP, err = config.Listen(ctx, "tcp4", at); err != nil {
			return errors.Join(err, l.UDP.Close())
		}
		return nil
	})
	if err != nil {
		return l, fmt.Errorf("name server: %w", err)
	}
	return l, nil
}

// DialIn opens sockets in a network namespace.
func DialIn(netns *os.File) Dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var conn net.Conn
		err := linux.WithinNet(netns, func() error {
			var err error
			conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
}
