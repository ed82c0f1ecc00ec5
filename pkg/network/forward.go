package network

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/spec"
)

// forwarder hands connections to ports of the host over to a container: rc-net's own port
// driver, for slirp4netns. It listens in the host's namespace and dials in the container's, on
// a thread that has entered it; a socket belongs to the namespace that it was made in, so all
// else happens here. Data goes from socket to socket by splice(2). What is lost is the client's
// address: in the container everything comes from its own.
//
// rootlesskit's builtin driver does the same over a unix socket, a fifo and a second process
// that are made at each start.
type forwarder struct {
	target netip.Addr // the container's
	dials  chan dial
	open   []io.Closer
}

type dial struct {
	kind    int
	answers chan dialed
}

type dialed struct {
	fd  int
	err error
}

// forward listens on all ports. On error nothing is left.
func forward(ports []spec.Port, target netip.Addr, netns *os.File) (*forwarder, error) {
	f := &forwarder{target: target, dials: make(chan dial)}
	entered := make(chan error)
	go f.dialer(netns, entered)
	if err := <-entered; err != nil {
		return nil, fmt.Errorf("publish: setns: %w", err)
	}
	for _, row := range ports {
		for _, p := range row.Single() {
			if err := f.listen(p); err != nil {
				f.close()
				return nil, err
			}
		}
	}
	return f, nil
}

func (f *forwarder) close() {
	for _, c := range f.open {
		_ = c.Close()
	}
	close(f.dials)
}

// dialer makes sockets in the container's namespace.
func (f *forwarder) dialer(netns *os.File, entered chan<- error) {
	runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
	err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET)
	entered <- err
	if err != nil {
		return
	}
	domain := unix.AF_INET
	if f.target.Is6() {
		domain = unix.AF_INET6
	}
	for d := range f.dials {
		fd, err := unix.Socket(domain, d.kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		d.answers <- dialed{fd, os.NewSyscallError("socket", err)}
	}
}

// connect reaches a port of the container.
func (f *forwarder) connect(kind int, port uint16) (net.Conn, error) {
	answers := make(chan dialed)
	f.dials <- dial{kind, answers}
	d := <-answers
	if d.err != nil {
		return nil, d.err
	}
	file := os.NewFile(uintptr(d.fd), "container")
	defer file.Close()
	var address unix.Sockaddr = &unix.SockaddrInet4{Port: int(port), Addr: f.target.Unmap().As4()}
	if f.target.Is6() {
		address = &unix.SockaddrInet6{Port: int(port), Addr: f.target.As16()}
	}
	err := unix.Connect(d.fd, address)
	if errors.Is(err, unix.EINPROGRESS) {
		err = awaitConnect(file)
	}
	if err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(file)
}

// connectWithin is how long a container may take to accept, with a full backlog.
const connectWithin = 30 * time.Second

func awaitConnect(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if err := file.SetWriteDeadline(time.Now().Add(connectWithin)); err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		// Asked each time: the event may have been before the wait, and others come, too.
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = syscall.Errno(code)
		}
		if failed = err; err != nil {
			return true
		}
		_, err = unix.Getpeername(int(fd))
		return err == nil
	})
	return errors.Join(err, failed)
}

// listen begins to forward one port.
func (f *forwarder) listen(p spec.Port) error {
	network, address := p.Protocol, net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort)))
	if p.HostIP != "" {
		network += "4" // of a given address its version only
		if netip.MustParseAddr(p.HostIP).Is6() {
			network = p.Protocol + "6"
		}
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		// So that a reservation does not stand in the way.
		done := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		return errors.Join(done, err)
	}}
	if p.Protocol == spec.UDP {
		conn, err := config.ListenPacket(background(), network, address)
		if err != nil {
			return explain(p, err)
		}
		f.open = append(f.open, conn)
		go f.serveUDP(conn.(*net.UDPConn), p.ContainerPort)
		return nil
	}
	listener, err := config.Listen(background(), network, address)
	if err != nil {
		return explain(p, err)
	}
	f.open = append(f.open, listener)
	go f.serveTCP(listener.(*net.TCPListener), p.ContainerPort)
	return nil
}

// pauseAccept lets others give back descriptors where there are none left.
const pauseAccept = 50 * time.Millisecond

func (f *forwarder) serveTCP(listener *net.TCPListener, port uint16) {
	for {
		client, err := listener.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(pauseAccept)
		default:
			go f.handTCP(client, port)
		}
	}
}

// handTCP connects a client with the container until both have said all.
func (f *forwarder) handTCP(client *net.TCPConn, port uint16) {
	defer func() { _ = client.Close() }()
	conn, err := f.connect(unix.SOCK_STREAM, port)
	if err != nil {
		_ = client.SetLinger(0) // a reset, as from a port where nobody listens
		return
	}
	defer func() { _ = conn.Close() }()
	server := conn.(*net.TCPConn)
	done := make(chan struct{})
	go func() {
		copyHalf(server, client)
		close(done)
	}()
	copyHalf(client, server)
	<-done
}

// copyHalf copies one direction; its end, or its failure, is told to both.
func copyHalf(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.SetLinger(0)
		_ = to.Close()
		return
	}
	_ = to.CloseWrite()
	_ = from.CloseRead()
}
