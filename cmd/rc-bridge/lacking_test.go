package main

import (
	"net/netip"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/link"
	"github.com/rc-containers/rc/pkg/network/names"
)

// withoutNftables is the environment variable that makes rc-bridge run as on a kernel without.
const withoutNftables = "RC_TEST_WITHOUT_NFTABLES"

// denyNetfilter gives the whole process EPROTONOSUPPORT for netfilter's sockets, which is what a kernel
// without nfnetlink says.
func denyNetfilter() error {
	const family, number, proto = 16, 0, 32 // offsets in seccomp_data: args[0], nr, args[2]
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	// unless leads to the last instruction but one, which allows.
	unless := func(value uint32, rest uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: rest}
	}
	program := []unix.SockFilter{
		load(number), unless(unix.SYS_SOCKET, 5),
		load(family), unless(unix.AF_NETLINK, 3),
		load(proto), unless(unix.NETLINK_NETFILTER, 1),
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	f := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&f)))
	if errno != 0 {
		return errno
	}
	return nil
}

// TestWithoutNftables: the name server has port 53 of its address itself, also one that is started again;
// where the container has taken the port, the error says so and how to have both.
func TestWithoutNftables(t *testing.T) {
	t.Setenv(withoutNftables, "1")
	w := newWorld(t)
	n := w.network(t, bridge.Options{Name: "one", Subnets: []string{"10.51.0.0/24"}, Internal: true})
	a := w.member(t, "a", nil, n)
	b := w.member(t, "b", nil, n)
	if got := a.lookup(t, "name-b"); got != "10.51.0.3" {
		t.Errorf("name-b is %s", got)
	}
	if l, err := names.Listen(t.Context(), a.own, link.Resolver(), link.DNSPort); err == nil {
		l.Close()
		t.Error("port 53 is free: the server is not there itself")
	}
	kill := func() {
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
		_ = a.sock.Close()
	}
	kill()
	a.start(t, w)
	if got := a.lookup(t, "name-b"); got != "10.51.0.3" {
		t.Errorf("after the restart: name-b is %s", got)
	}
	kill()
	l, err := names.Listen(t.Context(), a.own, netip.IPv4Unspecified(), link.DNSPort)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := a.tryStart(t, w)
	if got.Ready || !strings.Contains(got.Error, "address already in use") || !strings.Contains(got.Hint, "modprobe nf_tables") {
		t.Errorf("%+v", got)
	}
	if got := b.lookup(t, "name-a"); got != "10.51.0.2" {
		t.Errorf("others' name server: name-a is %s", got)
	}
}
