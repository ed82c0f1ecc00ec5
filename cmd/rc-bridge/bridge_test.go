package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/joint"
	"github.com/rc-containers/rc/pkg/network/names"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/test/testns"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 0 && os.Args[0] == "rc-bridge" {
		if os.Getenv(withoutNftables) != "" {
			if err := denyNetfilter(); err != nil {
				panic(err)
			}
		}
		main()
	}
	testns.Main(m)
}

// world is a host with a link to elsewhere, a hub, and a store.
type world struct {
	host, elsewhere, hub *os.File
	store                *bridge.Store
}

const (
	hostAddress      = "198.51.100.1"
	elsewhereAddress = "198.51.100.2"
)

// within fails the test where f, on a thread in the namespace, does.
func within(t *testing.T, netns *os.File, f func() error) {
	t.Helper()
	if err := linux.WithinNet(netns, f); err != nil {
		t.Fatal(err)
	}
}

func newNetns(t *testing.T) *os.File {
	t.Helper()
	var f *os.File
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			f, err = os.Open("/proc/thread-self/ns/net")
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	within(t, f, func() error {
		lo, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(lo)
		}
		return err
	})
	return f
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{host: newNetns(t), elsewhere: newNetns(t), hub: newNetns(t), store: &bridge.Store{Data: t.TempDir(), Run: t.TempDir()}}
	up := func(name, address string) error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		a, err := netlink.ParseAddr(address + "/24")
		if err != nil {
			return err
		}
		return errors.Join(netlink.AddrAdd(link, a), netlink.LinkSetUp(link))
	}
	within(t, w.host, func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "out"
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "in", PeerNamespace: netlink.NsFd(w.elsewhere.Fd())})
	})
	within(t, w.elsewhere, func() error { return up("in", elsewhereAddress) })
	within(t, w.host, func() error {
		if err := up("out", hostAddress); err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(elsewhereAddress)})
	})
	return w
}

func (w *world) network(t *testing.T, o bridge.Options) *bridge.Network {
	t.Helper()
	n, err := bridge.New(o)
	if err == nil {
		err = w.store.Create(n, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// member is a container: its network namespace, and its rc-bridge.
type member struct {
	id, dir string
	own     *os.File
	config  joint.Config
	cmd     *exec.Cmd
	sock    *os.File
}

func (w *world) member(t *testing.T, id string, uplink *network.Plan, networks ...*bridge.Network) *member {
	t.Helper()
	m := &member{id: id, dir: t.TempDir(), own: newNetns(t)}
	for i, n := range networks {
		w.take(t, n, id, "eth"+string(rune('0'+i)))
	}
	m.config = joint.Config{ID: id, Store: *w.store, Dir: m.dir}
	if uplink != nil {
		uplink.Dir = m.dir
		var err error
		if m.config.Uplink, err = json.Marshal(uplink); err != nil {
			t.Fatal(err)
		}
	}
	m.start(t, w)
	t.Cleanup(m.stop)
	return m
}

func (w *world) take(t *testing.T, n *bridge.Network, id, name string) {
	t.Helper()
	r := bridge.Request{Container: id, Name: "name-" + id, Interface: name}
	if _, err := w.store.Take(n, r, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
}

func (m *member) start(t *testing.T, w *world) {
	t.Helper()
	if a := m.tryStart(t, w); !a.Ready {
		t.Fatalf("not ready: %s", a.Error)
	}
}

// tryStart returns rc-bridge's first answer.
func (m *member) tryStart(t *testing.T, w *world) network.Answer {
	t.Helper()
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	m.sock = ours
	m.cmd = exec.Command("/proc/self/exe") //nolint:noctx // it ends with the socket
	m.cmd.Args[0], m.cmd.ExtraFiles, m.cmd.Stderr = "rc-bridge", []*os.File{theirs, m.own, w.hub}, os.Stderr
	within(t, w.host, m.cmd.Start)
	data, err := json.Marshal(m.config)
	if err == nil {
		err = linux.Send(ours, data)
	}
	if err == nil {
		data, _, err = linux.Receive(ours, messageLimit)
	}
	var a network.Answer
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		t.Fatalf("no answer: %v, %s", err, data)
	}
	return a
}

func (m *member) stop() {
	_ = m.sock.Close()
	_ = m.cmd.Wait()
}

// serve tells in the container who has connected.
func (m *member) serve(t *testing.T, port string) <-chan string {
	t.Helper()
	from := make(chan string, 9)
	within(t, m.own, func() error {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", ":"+port)
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
				host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
				answer(conn)
				from <- host
			}
		}()
		return nil
	})
	return from
}

func answer(conn net.Conn) {
	_, _ = io.ReadFull(conn, make([]byte, len("hi")))
	_, _ = io.WriteString(conn, "hello")
	_ = conn.Close()
}

// dial connects and reads.
func dial(t *testing.T, netns *os.File, address string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := names.DialIn(netns)(ctx, "tcp4", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	// The client speaks first: pasta of March 2023 acknowledges a connection with what it sends.
	if _, err := io.WriteString(conn, "hi"); err != nil {
		return err
	}
	data, err := io.ReadAll(conn)
	if err == nil && string(data) != "hello" {
		err = errors.New("no hello")
	}
	return err
}

// lookup asks the container's name server as its resolver would.
func (m *member) lookup(t *testing.T, name string) string {
	t.Helper()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return names.DialIn(m.own)(ctx, network, "127.0.0.11:53")
	}}
	list, err := r.LookupHost(t.Context(), name+".")
	if err != nil {
		return "none"
	}
	return strings.Join(list, " ")
}

func lacking(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("RC_TEST_NO_SKIP") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// TestLife: two containers, by name and address; one is connected and disconnected while it runs; a
// killed rc-bridge goes on where it was; after all have ended the hub is empty.
func TestLife(t *testing.T) {
	w := newWorld(t)
	one := w.network(t, bridge.Options{Name: "one", Subnets: []string{"10.51.0.0/24"}, Internal: true})
	two := w.network(t, bridge.Options{Name: "two", Subnets: []string{"10.52.0.0/24"}, Internal: true})
	a := w.member(t, "a", nil, one)
	b := w.member(t, "b", nil, two)
	from := b.serve(t, "80")
	if got := a.lookup(t, "name-b"); got != "none" {
		t.Errorf("a name of another network: %s", got)
	}
	if dial(t, a.own, "10.52.0.2:80") == nil {
		t.Error("another network is in reach")
	}
	for range 3 {
		w.take(t, two, "a", "eth1")
		if err := joint.Ask(a.dir, joint.Request{Op: joint.Connect, Network: "two"}); err != nil {
			t.Fatal(err)
		}
		if err := joint.Ask(a.dir, joint.Request{Op: joint.Connect, Network: "two"}); err == nil || !strings.Contains(err.Error(), "already connected") {
			t.Errorf("twice: %v", err)
		}
		if got := a.lookup(t, "name-b"); got != "10.52.0.2" {
			t.Errorf("connected: %s", got)
		}
		if err := dial(t, a.own, "10.52.0.2:80"); err != nil {
			t.Errorf("connected: %v", err)
		}
		if who := <-from; !strings.HasPrefix(who, "10.52.0.") {
			t.Errorf("from %s", who)
		}
		if err := joint.Ask(a.dir, joint.Request{Op: joint.Disconnect, Network: "two", Interface: "eth1"}); err != nil {
			t.Fatal(err)
		}
		if err := w.store.Release("two", "a"); err != nil {
			t.Fatal(err)
		}
		if got := a.lookup(t, "name-b"); got != "none" {
			t.Errorf("disconnected: %s", got)
		}
	}
	w.take(t, one, "b", "eth1")
	if err := joint.Ask(b.dir, joint.Request{Op: joint.Connect, Network: "one"}); err != nil {
		t.Fatal(err)
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	if err := joint.Ask(b.dir, joint.Request{Op: joint.Follow}); err == nil {
		t.Error("a killed helper answers")
	}
	if err := dial(t, a.own, "10.51.0.3:80"); err != nil {
		t.Errorf("the helper's end was the connection's: %v", err)
	}
	b.start(t, w)
	if got := b.lookup(t, "name-a"); got != "10.51.0.2" {
		t.Errorf("after the restart: %s", got)
	}
	a.stop()
	b.stop()
	within(t, w.hub, func() error {
		links, err := netlink.LinkList()
		for _, l := range links {
			if l.Attrs().Name != "lo" {
				t.Errorf("left in the hub: %s", l.Attrs().Name)
			}
		}
		return err
	})
}

// TestPublish: a client from elsewhere reaches a published port, and the container sees the client's own
// address; the container reaches elsewhere; peers on the network are seen as themselves.
func TestPublish(t *testing.T) {
	path := lacking(t, "pasta")
	w := newWorld(t)
	n := w.network(t, bridge.Options{Name: "one", Subnets: []string{"10.51.0.0/24"}})
	machine := network.Machine{Look: func(string) (string, error) { return path, nil }, Online: true}
	ports := []spec.Port{{HostPort: 18080, ContainerPort: 80, Range: 1, Protocol: spec.TCP}}
	plan, err := network.NewPlan(network.ModePasta, []string{"--ns-ifname", "tap0"}, ports, machine)
	if err != nil {
		t.Fatal(err)
	}
	a := w.member(t, "a", &plan, n)
	b := w.member(t, "b", nil, n)
	from := a.serve(t, "80")
	if err := dial(t, w.elsewhere, hostAddress+":18080"); err != nil {
		t.Fatalf("published port: %v", err)
	}
	if who := <-from; who != elsewhereAddress {
		t.Errorf("the client is seen as %s, not as %s", who, elsewhereAddress)
	}
	if err := dial(t, b.own, "10.51.0.2:80"); err != nil {
		t.Fatal(err)
	}
	if who := <-from; who != "10.51.0.3" {
		t.Errorf("the peer is seen as %s", who)
	}
	var l net.Listener
	within(t, w.elsewhere, func() error {
		l, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp4", elsewhereAddress+":9090")
		return err
	})
	defer func() { _ = l.Close() }()
	go func() {
		if conn, err := l.Accept(); err == nil {
			answer(conn)
		}
	}()
	if err := dial(t, a.own, elsewhereAddress+":9090"); err != nil {
		t.Errorf("outward: %v", err)
	}
}

// TestUsers: the same subnet in two hubs, as two users have it, side by side.
func TestUsers(t *testing.T) {
	for _, id := range []string{"a", "b"} {
		w := newWorld(t)
		n := w.network(t, bridge.Options{Name: "one", Subnets: []string{"10.51.0.0/24"}, Internal: true})
		m := w.member(t, id, nil, n)
		peer := w.member(t, "peer", nil, n)
		m.serve(t, "80")
		if err := dial(t, peer.own, "10.51.0.2:80"); err != nil {
			t.Error(err)
		}
		if got := peer.lookup(t, "name-"+id); got != "10.51.0.2" {
			t.Errorf("%s", got)
		}
	}
}

// TestStart: what cannot be set up is an error that says why, and leaves nothing.
func TestStart(t *testing.T) {
	w := newWorld(t)
	n := w.network(t, bridge.Options{Name: "one", Subnets: []string{"10.51.0.0/24"}, Internal: true})
	m := &member{id: "a", dir: filepath.Join(t.TempDir(), "nothere"), own: newNetns(t)}
	w.take(t, n, "a", "eth0")
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Args[0], cmd.ExtraFiles = "rc-bridge", []*os.File{theirs, m.own, w.hub}
	within(t, w.host, cmd.Start)
	_ = theirs.Close()
	data, err := json.Marshal(joint.Config{ID: "a", Store: *w.store, Dir: m.dir})
	if err == nil {
		err = linux.Send(ours, data)
	}
	if err == nil {
		data, _, err = linux.Receive(ours, messageLimit)
	}
	if err != nil || !strings.Contains(string(data), "nothere") {
		t.Errorf("%v, %s", err, data)
	}
	_ = cmd.Wait()
	within(t, w.hub, func() error {
		links, err := netlink.LinkList()
		if len(links) != 1 {
			t.Errorf("left: %d interfaces", len(links)-1)
		}
		return err
	})
}
