package network

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/spec"
)

// observe fills in what a program took from the host: interface, addresses and gateways of
// the namespace's default routes. What cannot be found stays empty: the network is up, and
// these are for show. It reads /proc on a thread of its own, since it has to enter the
// namespace; netlink would cost more to link than to use.
func observe(e *spec.Endpoint, netns *os.File) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		if unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET) != nil {
			return
		}
		const dir = "/proc/thread-self/net/"
		if routes, err := os.ReadFile(dir + "route"); err == nil && e.IP == "" {
			if name, gateway, ok := defaultRoute(string(routes)); ok {
				e.Interface, e.Gateway = name, gateway.String()
				e.IP, e.Prefix = address4(name)
			}
		}
		if routes, err := os.ReadFile(dir + "ipv6_route"); err == nil {
			if name, gateway, ok := defaultRoute6(string(routes)); ok {
				e.Interface, e.Gateway6 = name, gateway.String()
			}
		}
		if addresses, err := os.ReadFile(dir + "if_inet6"); err == nil {
			e.IP6, e.Prefix6 = address6(string(addresses), e.Interface)
		}
		if i, err := net.InterfaceByName(e.Interface); err == nil {
			e.MAC = i.HardwareAddr.String()
		}
	}()
	<-done
}

// defaultRoute finds the default route in proc_pid_net(5)'s route: addresses are 32 bits
// in the machine's byte order, little-endian wherever rc runs.
func defaultRoute(table string) (name string, gateway netip.Addr, ok bool) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		raw, err := hex.DecodeString(f[2])
		if err != nil || len(raw) != 4 {
			continue
		}
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], binary.LittleEndian.Uint32(raw))
		return f[0], netip.AddrFrom4(b), true
	}
	return "", netip.Addr{}, false
}

// defaultRoute6 finds it in ipv6_route: destination, its length, source, its length, next
// hop, metric, two counts, flags, device. The kernel's own reject routes are on lo.
func defaultRoute6(table string) (name string, gateway netip.Addr, ok bool) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 10 || strings.Trim(f[0], "0") != "" || f[1] != "00" || f[9] == "lo" {
			continue
		}
		if hop, ok := parse6(f[4]); ok && !hop.IsUnspecified() {
			return f[9], hop, true
		}
	}
	return "", netip.Addr{}, false
}

// address6 finds an interface's global address in if_inet6: address, index, length,
// scope, flags, name.
func address6(table, name string) (ip string, prefix int) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 6 || f[5] != name || f[3] != "00" {
			continue
		}
		if a, ok := parse6(f[0]); ok {
			length, err := strconv.ParseUint(f[2], 16, 8)
			if err != nil {
				length = 0
			}
			return a.String(), int(length)
		}
	}
	return "", 0
}

func parse6(s string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte(raw)), true
}

// address4 is an interface's first IPv4 address and its length, by netdevice(7).
func address4(name string) (ip string, prefix int) {
	sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", 0
	}
	defer unix.Close(sock)
	ask := func(request uint) ([]byte, bool) {
		ifr, err := unix.NewIfreq(name)
		if err != nil || unix.IoctlIfreq(sock, request, ifr) != nil {
			return nil, false
		}
		b, err := ifr.Inet4Addr()
		return b, err == nil && len(b) == 4
	}
	b, ok := ask(unix.SIOCGIFADDR)
	if !ok {
		return "", 0
	}
	if mask, ok := ask(unix.SIOCGIFNETMASK); ok {
		prefix = bits.OnesCount32(binary.BigEndian.Uint32(mask))
	}
	return netip.AddrFrom4([4]byte(b)).String(), prefix
}
