package network

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The test's world in IPv6, see hostAddress.
const (
	hostAddress6  = "2001:db8:7::1"
	worldAddress6 = "2001:db8:7::2"
	silentAddress = "198.51.100.9" // where the world takes questions and answers none
)

// makeWorld6 gives the world's link IPv6 addresses; it reports whether the kernel has any.
func makeWorld6(t testing.TB) bool {
	t.Helper()
	if data, err := os.ReadFile(disableIPv6); err != nil || strings.TrimSpace(string(data)) != "0" {
		return false
	}
	world.run(t, "ip", "-6", "address", "add", worldAddress6+"/64", "dev", "w0", "nodad")
	for _, args := range [][]string{
		{"-6", "address", "add", hostAddress6 + "/64", "dev", "h0", "nodad"},
		{"-6", "route", "add", "default", "via", worldAddress6},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	if msg := world.in(func() (string, error) {
		serve(t, net.JoinHostPort(worldAddress6, "80"), "world in IPv6")
		return "", nil
	}); msg != "" {
		t.Fatal(msg)
	}
	return true
}

// testOutbound6: a page from the world in IPv6, beside IPv4.
func testOutbound6(t *testing.T, mode string) {
	c := startContainer(t)
	c.connect(t, mode)
	got := ""
	eventually(t, "a page in IPv6", func() bool { // addresses and routes come by router advertisement
		got = c.fetch(net.JoinHostPort(worldAddress6, "80"))
		return got == "world in IPv6"
	})
	if got != "world in IPv6" {
		t.Errorf("page: %s; addresses: %s; routes: %s", got, c.run(t, "ip", "-6", "address"), c.run(t, "ip", "-6", "route"))
	}
	if got := c.fetch(worldAddress + ":80"); got != "world" {
		t.Errorf("IPv4: %s", got)
	}
}

// testWithout6: on a host with IPv6 off a container has IPv4 alone. It is the last test: the host's
// IPv6 addresses do not come back.
func testWithout6(t *testing.T, mode string) {
	if err := os.WriteFile(disableIPv6, []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	if m := ThisMachine(exec.LookPath); m.IPv6 {
		t.Error("the machine has IPv6")
	}
	c := startContainer(t)
	h := c.connect(t, mode)
	if got := c.fetch(worldAddress + ":80"); got != "world" {
		t.Errorf("page: %s", got)
	}
	if h.end.IP6 != "" {
		t.Errorf("answer %+v", h.end)
	}
	if got := c.fetch(net.JoinHostPort(worldAddress6, "80")); got == "world in IPv6" {
		t.Error("there is IPv6")
	}
}

// testSilentResolver: a name server that does not answer holds nobody up: the container starts, a
// question is over after its own time, and once the host has another server that one answers.
func testSilentResolver(t *testing.T, mode string) {
	if msg := world.in(func() (string, error) {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(silentAddress+":53")))
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
		}
		return "", err
	}); msg != "" {
		t.Fatal(msg)
	}
	setResolver(t, "nameserver "+silentAddress+"\n")
	defer setResolver(t, "nameserver "+worldAddress+"\n")
	c := startContainer(t)
	began := time.Now()
	h := c.connect(t, mode)
	if took := time.Since(began); took > readyWithin/2 {
		t.Errorf("the start took %v", took)
	}
	if got := c.resolve(h.link.DNS[0]); got == "answered" {
		t.Error("there is an answer")
	}
	if got := c.fetch(worldAddress + ":80"); got != "world" {
		t.Errorf("page: %s", got)
	}
	if mode == ModePasta {
		return // it forwards to the server of its start, see Resolver.OldForwarder
	}
	setResolver(t, "nameserver "+worldAddress+"\n")
	if got := c.resolve(h.link.DNS[0]); got != "answered" {
		t.Errorf("with another server: %s", got)
	}
}
