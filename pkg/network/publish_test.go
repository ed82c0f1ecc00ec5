package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// testPublish: ports of the host lead to the container, and are free again with its end.
func testPublish(t *testing.T, mode string) {
	var handlers []string
	if mode == ModeSlirp4netns {
		handlers = []string{"port_handler=rootlesskit", "port_handler=slirp4netns"}
	} else {
		handlers = []string{""}
	}
	for _, handler := range handlers {
		t.Run(handler, func(t *testing.T) { testHandler(t, mode, handler) })
	}
}

func testHandler(t *testing.T, mode, handler string) {
	reserved, err := Reserve([]spec.Port{
		{ContainerPort: 80, Range: 1, Protocol: spec.TCP},
		{HostIP: "127.0.0.1", ContainerPort: 90, Range: 2, Protocol: spec.TCP},
		{ContainerPort: 53, Range: 1, Protocol: spec.UDP},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := startContainer(t)
	if plan, err := NewPlan(mode, []string{handler}, reserved.Ports, ThisMachine(exec.LookPath)); err != nil {
		t.Fatal(err)
	} else if plan.BindsAlone() {
		reserved.Release()
	}
	h := c.publish(t, mode, reserved.Ports, handler)
	reserved.Release()
	if msg := c.in(func() (string, error) { return "", echo(t, 80, 90, 91) }); msg != "" {
		t.Fatal(msg)
	}
	tcp, local, udp := reserved.Ports[0].HostPort, reserved.Ports[1].HostPort, reserved.Ports[2].HostPort
	addresses := []string{fmt.Sprintf("127.0.0.1:%d", tcp), fmt.Sprintf("127.0.0.1:%d", local), fmt.Sprintf("127.0.0.1:%d", local+1)}
	if mode != ModePasta {
		// To a container of pasta's the host's address is its own, so that what comes from there
		// gets no answer with --no-map-gw (version of March 2023). Other machines' does.
		addresses = append(addresses, fmt.Sprintf("%s:%d", hostAddress, tcp))
	}
	for _, address := range addresses {
		if got := ask(t, "tcp4", address); !strings.HasPrefix(got, "hello from ") {
			t.Errorf("%s: %s", address, got)
		}
	}
	if got := ask(t, "tcp4", fmt.Sprintf("%s:%d", hostAddress, local)); !strings.Contains(got, "refused") {
		t.Errorf("a port of 127.0.0.1 answers at %s: %s", hostAddress, got)
	}
	if handler == "port_handler=rootlesskit" {
		// The two programs do not answer to datagrams of the host's own.
		if got := ask(t, "udp4", fmt.Sprintf("127.0.0.1:%d", udp)); !strings.HasPrefix(got, "hello from ") {
			t.Errorf("udp: %s", got)
		}
	}
	// The source, from another machine.
	for network, port := range map[string]uint16{"tcp4": tcp, "udp4": udp} {
		got := world.in(func() (string, error) { return ask(t, network, fmt.Sprintf("%s:%d", hostAddress, port)), nil })
		want := worldAddress
		if handler == "port_handler=rootlesskit" {
			want = h.end.IP // what cannot be kept
		}
		if !strings.HasPrefix(got, "hello from "+want+":") {
			t.Errorf("%s from the world: %s, want the source %s", network, got, want)
		}
	}
	if err := h.sock.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ports are free again", func() bool {
		again, err := Reserve(reserved.Ports)
		again.Release()
		return err == nil
	})
}

// echo answers on ports of the namespace that it is called in with where the question came from.
func echo(t *testing.T, ports ...int) error {
	for _, port := range ports {
		l, err := net.Listen("tcp4", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.ReadFull(conn, make([]byte, 2))
				_, _ = fmt.Fprintf(conn, "hello from %s", conn.RemoteAddr())
				_ = conn.Close()
			}
		}()
	}
	conn, err := net.ListenPacket("udp4", "0.0.0.0:53")
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 16)
		for {
			_, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(testWriter{conn, from}, "hello from %s", from)
		}
	}()
	return nil
}

type testWriter struct {
	net.PacketConn
	to net.Addr
}

func (w testWriter) Write(data []byte) (int, error) { return w.WriteTo(data, w.to) }

// ask says something to an address and returns what it answers, or what went wrong; it takes
// three tries, since pasta of March 2023 now and then loses the first connection.
func ask(t *testing.T, network, address string) (answer string) {
	t.Helper()
	for range 3 {
		var err error
		if answer, err = askOnce(network, address); err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		t.Logf("%s: %v", address, err)
	}
	return answer
}

func askOnce(network, address string) (string, error) {
	conn, err := net.DialTimeout(network, address, 3*time.Second)
	if err != nil {
		return err.Error(), err
	}
	defer conn.Close()
	buf := make([]byte, 512)
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, err = io.WriteString(conn, "hi")
	n := 0
	if err == nil {
		n, err = conn.Read(buf)
	}
	if err != nil {
		return err.Error(), err
	}
	return string(buf[:n]), nil
}

func TestReserve(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := netip.MustParseAddrPort(listener.Addr().String()).Port()
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	takenUDP := netip.MustParseAddrPort(packets.LocalAddr().String()).Port()

	for name, p := range map[string]spec.Port{
		"the address": {HostIP: "127.0.0.1", HostPort: taken, ContainerPort: 80, Range: 1, Protocol: spec.TCP},
		"all":         {HostPort: taken, ContainerPort: 80, Range: 1, Protocol: spec.TCP},
		"in a row":    {HostIP: "127.0.0.1", HostPort: taken - 1, ContainerPort: 80, Range: 3, Protocol: spec.TCP},
		"udp":         {HostPort: takenUDP, ContainerPort: 80, Range: 1, Protocol: spec.UDP},
	} {
		r, err := Reserve([]spec.Port{{ContainerPort: 1, Range: 1, Protocol: spec.TCP}, p})
		if !errors.Is(err, errs.ErrInUse) || r != nil || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) {
			t.Errorf("%s: %v", name, err)
		}
	}
	last := spec.Port{HostIP: "127.0.0.1", HostPort: taken, HostLast: taken, ContainerPort: 80, Range: 1, Protocol: spec.TCP}
	if _, err := Reserve([]spec.Port{last}); !errors.Is(err, errs.ErrInUse) || !strings.Contains(err.Error(), "none of these") {
		t.Errorf("range: %v", err)
	}
	if _, err := Reserve([]spec.Port{{HostIP: "203.0.113.77", HostPort: 7777, ContainerPort: 80, Range: 1, Protocol: spec.TCP}}); !errors.Is(err, unix.EADDRNOTAVAIL) ||
		!strings.Contains(err.Error(), "does not have the address") {
		t.Errorf("another's address: %v", err)
	}
}

// TestAwait waits for a helper's port, and for nobody else's nor after the end of ctx.
func TestAwait(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := netip.MustParseAddrPort(listener.Addr().String()).Port()
	ports := []spec.Port{{HostIP: "127.0.0.1", HostPort: taken, ContainerPort: 80, Range: 1, Protocol: spec.TCP}}
	_, known := Reserve(ports)
	if _, err := Await(t.Context(), ports, known, time.Hour); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("this process's: %v", err)
	}
	helper := passingError{errs.ErrInUse}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Await(ended, ports, helper, time.Hour); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("after the end: %v", err)
	}
	stop := time.AfterFunc(20*time.Millisecond, func() { _ = listener.Close() })
	defer stop.Stop()
	r, err := Await(t.Context(), ports, helper, time.Hour)
	if err != nil {
		t.Errorf("a helper's: %v", err)
	}
	r.Release()
	for name, want := range map[string]bool{"passt.avx2": true, "pasta": true, "rc-net": true, "nginx": false} {
		if isHelper(name) != want {
			t.Errorf("%s: want %v", name, want)
		}
	}
}

func TestReserveChooses(t *testing.T) {
	ask := []spec.Port{
		{ContainerPort: 80, Range: 1, Protocol: spec.TCP},
		{ContainerPort: 8000, Range: 5, Protocol: spec.TCP},
		{HostIP: "::1", ContainerPort: 53, Range: 2, Protocol: spec.UDP},
	}
	if _, err := os.Stat(disableIPv6); err != nil {
		ask[2].HostIP = ""
	}
	r, err := Reserve(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for i, p := range r.Ports {
		if p.HostPort == 0 || p.ContainerPort != ask[i].ContainerPort || p.Range != ask[i].Range {
			t.Errorf("%+v became %+v", ask[i], p)
		}
	}
	// Nobody else gets them by chance or without the option, but who has it does.
	address := "127.0.0.1:" + strconv.Itoa(int(r.Ports[0].HostPort))
	l, err := net.Listen("tcp4", address)
	if err != nil {
		t.Errorf("a helper is refused: %v", err)
	} else {
		_ = l.Close()
	}
	if again, err := Reserve(r.Ports[2:]); !errors.Is(err, errs.ErrInUse) {
		t.Errorf("the same UDP port twice: %v", err)
		again.Release()
	}
	r.Release()
	r.Release()
}

func TestPrivilegedPort(t *testing.T) {
	data, err := os.ReadFile(unprivilegedPath)
	if err != nil {
		t.Skip(err)
	}
	if strings.TrimSpace(string(data)) == "0" {
		t.Skip("every port is for everybody here")
	}
	err = explain(spec.Port{HostPort: 80, ContainerPort: 80, Range: 1, Protocol: spec.TCP}, unix.EACCES)
	if !strings.Contains(err.Error(), "ip_unprivileged_port_start = "+strings.TrimSpace(string(data))) || !strings.Contains(errs.Hint(err), "ip_unprivileged_port_start=80") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

func TestSocketsAt(t *testing.T) {
	const table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0\n" +
		"   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 4712 1 0000000000000000 100 0 0 10 0\n" +
		"broken\n"
	if inodes, uids := socketsAt(table, 8080, true); len(inodes) != 1 || inodes[0] != "4711" || uids[0] != "1000" {
		t.Errorf("%v %v", inodes, uids)
	}
	if inodes, _ := socketsAt(table, 8080, false); len(inodes) != 2 {
		t.Errorf("%v", inodes)
	}
	if inodes, _ := socketsAt(table, 81, true); inodes != nil {
		t.Errorf("%v", inodes)
	}
}

func FuzzSocketsAt(f *testing.F) {
	f.Add("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711\n", uint16(8080))
	f.Fuzz(func(t *testing.T, table string, port uint16) {
		if inodes, uids := socketsAt(table, port, false); len(inodes) != len(uids) {
			t.Errorf("%v %v", inodes, uids)
		}
	})
}
