package network

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// observe fills in what a program took from the host: interface, address and gateway of
// the namespace's default route. What cannot be found stays empty: the network is up, and
// these are for show. It reads /proc on a thread of its own, since it has to enter the
// namespace; netlink would cost more to link than to use.
func (a *Answer) observe(netns *os.File) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		if unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET) != nil {
			return
		}
		const dir = "/proc/thread-self/net/"
		if routes, err := os.ReadFile(dir + "route"); err == nil {
			if name, gateway, ok := defaultRoute(string(routes)); ok {
				a.Interface, a.Gateway, a.IP = name, gateway.String(), address4(name)
				return
			}
		}
		routes, err := os.ReadFile(dir + "ipv6_route")
		if err != nil {
			return
		}
		if name, gateway, ok := defaultRoute6(string(routes)); ok {
			a.Interface, a.Gateway = name, gateway.String()
			if addresses, err := os.ReadFile(dir + "if_inet6"); err == nil {
				a.IP = address6(string(addresses), name)
			}
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
func address6(table, name string) string {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) < 6 || f[5] != name || f[3] != "00" {
			continue
		}
		if a, ok := parse6(f[0]); ok {
			return a.String()
		}
	}
	return ""
}

func parse6(s string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 16 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom16([16]byte(raw)), true
}

// address4 is an interface's first IPv4 address, by netdevice(7).
func address4(name string) string {
	sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(sock)
	ifr, err := unix.NewIfreq(name)
	if err != nil || unix.IoctlIfreq(sock, unix.SIOCGIFADDR, ifr) != nil {
		return ""
	}
	b, err := ifr.Inet4Addr()
	if err != nil || len(b) != 4 {
		return ""
	}
	return netip.AddrFrom4([4]byte(b)).String()
}
