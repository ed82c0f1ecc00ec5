package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sessionIdle is how long a client of a UDP port may be silent before it is forgotten; docker's
	// figure.
	sessionIdle = 90 * time.Second
	// maxSessions bounds what clients with made-up addresses can use up.
	maxSessions = 4096
	datagram    = 64 << 10
)

// background is for listening, which does not block.
func background() context.Context { return context.Background() }

// sessions are the clients of one UDP port: each has a socket in the container's namespace.
type sessions struct {
	sync.Mutex
	of map[netip.AddrPort]*net.UDPConn
}

func (f *forwarder) serveUDP(conn *net.UDPConn, port uint16) {
	s := &sessions{of: map[netip.AddrPort]*net.UDPConn{}}
	buf := make([]byte, datagram)
	for {
		n, client, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an earlier answer was refused
		}
		server := s.find(client)
		if server == nil {
			if server = f.session(s, conn, client, port); server == nil {
				continue
			}
		}
		_ = server.SetReadDeadline(time.Now().Add(sessionIdle))
		_, _ = server.Write(buf[:n]) // where nobody listens it is lost, as it is without us
	}
}

func (s *sessions) find(client netip.AddrPort) *net.UDPConn {
	s.Lock()
	defer s.Unlock()
	return s.of[client]
}

// session begins to hand a client's datagrams over; nil where that cannot be.
func (f *forwarder) session(s *sessions, conn *net.UDPConn, client netip.AddrPort, port uint16) *net.UDPConn {
	s.Lock()
	defer s.Unlock()
	if len(s.of) >= maxSessions {
		return nil
	}
	c, err := f.connect(unix.SOCK_DGRAM, port)
	if err != nil {
		return nil
	}
	server := c.(*net.UDPConn)
	s.of[client] = server
	_ = server.SetReadDeadline(time.Now().Add(sessionIdle))
	go func() {
		defer func() {
			s.Lock()
			delete(s.of, client)
			s.Unlock()
			_ = server.Close()
		}()
		buf := make([]byte, datagram)
		for {
			n, err := server.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue // refused: the container's server may yet begin
			}
			_ = server.SetReadDeadline(time.Now().Add(sessionIdle))
			if _, err := conn.WriteToUDPAddrPort(buf[:n], client); errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}()
	return server
}
