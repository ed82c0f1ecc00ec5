package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

const (
	// heldPorts is how many ports are held: more are looked at only, since a process may have no
	// more than 1024 descriptors.
	heldPorts = 256
	// tries is how often a row of free ports is looked for.
	tries = 64
	// unprivilegedPath has the first port that everybody may bind to (ip_sysctl).
	unprivilegedPath = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
)

// Reservation holds ports of the host until a helper has bound to them. The sockets are bound
// with SO_REUSEADDR and do not listen: the kernel gives their ports to nobody who does not ask
// for them by number with the same option, as helpers do.
type Reservation struct {
	// Ports are those that were asked for, with every number decided.
	Ports []spec.Port
	socks []int
	brief bool // who has a port that is taken does not matter
}

// Release lets go of the ports. More than once does no harm.
func (r *Reservation) Release() {
	if r == nil {
		return
	}
	for _, fd := range r.socks {
		_ = unix.Close(fd)
	}
	r.socks = nil
}

// Reserve takes ports, and chooses those that were left to rc. The errors say why one cannot be
// had: errs.ErrInUse with the process that has it, or unix.EACCES with the setting to change.
func Reserve(ports []spec.Port) (*Reservation, error) {
	return (&Reservation{}).takeAll(ports)
}

func (r *Reservation) takeAll(ports []spec.Port) (*Reservation, error) {
	for _, p := range ports {
		if err := r.take(p); err != nil {
			r.Release()
			return nil, err
		}
	}
	return r, nil
}

// passingError is for a port that a helper may have that is about to end.
type passingError struct{ error }

func (e passingError) Unwrap() error { return e.error }

// Await is Reserve after that has failed with err: it tries again for a while, unless the port is known to stay taken.
func Await(ctx context.Context, ports []spec.Port, err error, patience time.Duration) (*Reservation, error) {
	if _, passing := errors.AsType[passingError](err); !passing {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return Reserve(ports) // it says who has it now
		case <-again.C:
		}
		if r, err := (&Reservation{brief: true}).takeAll(ports); !errors.Is(err, errs.ErrInUse) {
			return r, err
		}
	}
}

// take reserves one row of ports.
func (r *Reservation) take(p spec.Port) error {
	switch {
	case p.HostLast != 0:
		for n := int(p.HostPort); n <= int(p.HostLast); n++ {
			one := p
			one.HostPort, one.HostLast = uint16(n), 0
			if err := r.row(one); !errors.Is(err, errs.ErrInUse) {
				return err
			}
		}
		return errs.WithHint(fmt.Errorf("publish %s:%d-%d:%s: none of these ports is free: %w", hostIP(p), p.HostPort, p.HostLast, p.Container(), errs.ErrInUse),
			"rc ps shows what containers have published")
	case p.HostPort != 0:
		return r.row(p)
	}
	var err error
	for range tries {
		one := p
		var fd int
		if fd, one.HostPort, err = bind(p.HostIP, 0, p.Protocol); err != nil {
			return explain(p, err)
		}
		_ = unix.Close(fd) // row takes it, and what follows it
		if int(one.HostPort)+int(p.Range) > 65536 {
			continue
		}
		if err = r.row(one); err == nil {
			return nil
		}
	}
	return err
}

// row takes all ports of a row, whose first is known, or none.
func (r *Reservation) row(p spec.Port) error {
	before := len(r.socks)
	for n := range p.Range {
		fd, _, err := bind(p.HostIP, p.HostPort+n, p.Protocol)
		if err != nil {
			for _, fd := range r.socks[before:] {
				_ = unix.Close(fd)
			}
			r.socks = r.socks[:before]
			p.HostPort += n
			if r.brief && errors.Is(err, unix.EADDRINUSE) {
				return errs.ErrInUse
			}
			return explain(p, err)
		}
		if len(r.socks) >= heldPorts {
			_ = unix.Close(fd)
			continue
		}
		r.socks = append(r.socks, fd)
	}
	r.Ports = append(r.Ports, p)
	return nil
}

// bind makes a socket that has a port of the host, and says which one it is.
func bind(ip string, port uint16, protocol string) (fd int, got uint16, err error) {
	var address unix.Sockaddr
	domain := unix.AF_INET6
	switch addr, parseErr := netip.ParseAddr(ip); {
	case ip == "": // both versions
		address = &unix.SockaddrInet6{Port: int(port)}
	case parseErr != nil:
		return -1, 0, parseErr
	case addr.Is4():
		domain, address = unix.AF_INET, &unix.SockaddrInet4{Port: int(port), Addr: addr.As4()}
	default:
		address = &unix.SockaddrInet6{Port: int(port), Addr: addr.As16()}
	}
	fd, err = bound(domain, address, protocol, ip != "")
	if ip == "" && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)) { // a kernel without IPv6
		fd, err = bound(unix.AF_INET, &unix.SockaddrInet4{Port: int(port)}, protocol, false)
	}
	if err != nil {
		return -1, 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return -1, 0, os.NewSyscallError("getsockname", err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		got = uint16(name.Port)
	case *unix.SockaddrInet6:
		got = uint16(name.Port)
	}
	return fd, got, nil
}

func bound(domain int, address unix.Sockaddr, protocol string, one bool) (int, error) {
	kind := unix.SOCK_STREAM
	if protocol == spec.UDP {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if domain == unix.AF_INET6 {
		only := 0
		if one {
			only = 1
		}
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only))
	}
	reuse := func() error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	}
	// Of TCP, what is left of old connections does not count with the option, and listeners do
	// all the same; of UDP every socket with the option would share its port, so it comes after.
	if err == nil && protocol == spec.TCP {
		err = reuse()
	}
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, address))
	}
	if err == nil && protocol == spec.UDP {
		err = reuse()
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func hostIP(p spec.Port) string {
	if p.HostIP == "" {
		return "0.0.0.0"
	}
	return p.HostIP
}

// explain says why a port cannot be had, and what to do.
func explain(p spec.Port, err error) error {
	p.Range = 1
	what := fmt.Sprintf("publish %s/%s", p.Host(), p.Protocol)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		who, passing := holder(p, procRoot)
		err := fmt.Errorf("%s: the port is taken by %s: %w", what, cmp.Or(who, "another process"), errs.ErrInUse)
		if passing {
			err = passingError{err}
		}
		return errs.WithHint(err, "choose another port, or leave it to rc: -p "+strconv.Itoa(int(p.ContainerPort)))
	case errors.Is(err, unix.EACCES):
		start := "1024"
		if data, err := os.ReadFile(unprivilegedPath); err == nil {
			start = strings.TrimSpace(string(data))
		}
		return errs.WithCheck(fmt.Errorf("%s: ports below %s are for root (net.ipv4.ip_unprivileged_port_start = %s): %w", what, start, start, err),
			fmt.Sprintf("sudo sysctl net.ipv4.ip_unprivileged_port_start=%d (for good: a file in /etc/sysctl.d), or -p %d:%d", p.HostPort, 8000+p.HostPort, p.ContainerPort), "ports")
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return errs.WithHint(fmt.Errorf("%s: this host does not have the address %s: %w", what, p.HostIP, err), "ip -br address shows those that it has")
	case errors.Is(err, unix.EAFNOSUPPORT):
		return errs.WithHint(fmt.Errorf("%s: the kernel has IPv6 switched off: %w", what, err), "use an IPv4 address")
	}
	return fmt.Errorf("%s: %w", what, err)
}
