package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// roleEnv makes the test binary play a part: rc-net, or the tests inside namespaces.
const (
	roleEnv    = "RC_TEST_NETWORK_ROLE"
	roleHelper = "rc-net"
	roleInside = "inside"
)

// The test's world: a host with an address on a link, and a server at its other end.
const (
	hostAddress  = "198.51.100.1"
	worldAddress = "198.51.100.2"
)

func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) == roleHelper {
		runtime.LockOSThread()
		unix.CloseOnExec(3)
		unix.CloseOnExec(4)
		unix.Exit(Serve(os.NewFile(3, "shim"), os.NewFile(4, "netns")))
	}
	m.Run()
}

// lacking skips with the reason, or fails where nothing may be skipped.
func lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("RC_TEST_NO_SKIP") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// TestDrivers runs TestContract in namespaces like the shim's: user (the default map), mount,
// pid; and a network namespace that plays the host's.
func TestDrivers(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	for _, program := range []string{"unshare", "ip", "nsenter", "sleep"} {
		if _, err := exec.LookPath(program); err != nil {
			lacking(t, "%v", err)
		}
	}
	inside(t, "^TestContract$", "-test.v")
}

// inside runs tests of this binary in the namespaces.
func inside(t testing.TB, run string, flags ...string) {
	t.Helper()
	args := []string{"--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if os.Geteuid() != 0 { // root has no range: it gets a map of one id
		args = append(args, "--map-auto")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", append(args, "true")...).CombinedOutput(); err != nil {
		lacking(t, "unshare %v: %v: %s", args, err, out)
	}
	args = append(args, "/proc/self/exe", "-test.run", run, "-test.timeout", "120s")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args[slices.Index(args, "/proc/self/exe")] = exe
	cmd := exec.CommandContext(t.Context(), "unshare", append(args, flags...)...)
	cmd.Env = append(os.Environ(), roleEnv+"="+roleInside)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("inside: %v", err)
	}
	if s := string(out); !strings.Contains(s, "PASS") {
		t.Error("no test ran")
	}
}

// TestContract is what every driver must do. It runs inside only.
func TestContract(t *testing.T) {
	if os.Getenv(roleEnv) != roleInside {
		t.Skip("runs in namespaces, from TestDrivers")
	}
	makeWorld(t)
	ipv6 := makeWorld6(t)
	loopback := serve(t, "127.0.0.1:0", "the host's own")
	for _, d := range []struct{ mode, hostOption string }{
		{ModeSlirp4netns, "allow_host_loopback=true"},
		{ModePasta, "--map-gw"},
	} {
		t.Run(d.mode, func(t *testing.T) {
			if _, err := exec.LookPath(d.mode); err != nil {
				lacking(t, "%v", err)
			}
			t.Run("outbound", func(t *testing.T) { testOutbound(t, d.mode) })
			t.Run("publish", func(t *testing.T) { testPublish(t, d.mode) })
			t.Run("resolver", func(t *testing.T) { testResolver(t, d.mode) })
			t.Run("address", func(t *testing.T) { testAddress(t, d.mode) })
			t.Run("silent resolver", func(t *testing.T) { testSilentResolver(t, d.mode) })
			t.Run("rate", func(t *testing.T) { testRate(t, d.mode) })
			t.Run("host loopback", func(t *testing.T) { testHostLoopback(t, d.mode, d.hostOption, loopback) })
			t.Run("offline", func(t *testing.T) { testOffline(t, d.mode) })
			t.Run("shim gone", func(t *testing.T) { testShimGone(t, d.mode) })
			t.Run("rc-net killed", func(t *testing.T) { testHelperKilled(t, d.mode) })
			t.Run("program killed", func(t *testing.T) { testProgramKilled(t, d.mode) })
			t.Run("no program", func(t *testing.T) { testBroken(t, d.mode) })
			if ipv6 {
				t.Run("outbound IPv6", func(t *testing.T) { testOutbound6(t, d.mode) })
			}
		})
	}
	for _, mode := range []string{ModeSlirp4netns, ModePasta} {
		t.Run(mode+" with IPv6 off", func(t *testing.T) {
			if !ipv6 {
				lacking(t, "this kernel has no IPv6")
			}
			testWithout6(t, mode)
		})
	}
}

// testOutbound: addresses, route, loopback, a page from the world, a name server.
func testOutbound(t *testing.T, mode string) {
	c := startContainer(t)
	h := c.connect(t, mode)
	if e := h.end; e.IP == "" || e.Prefix != 24 || e.Gateway == "" || e.Interface == "" || e.MAC == "" || len(h.link.DNS) == 0 {
		t.Errorf("answer lacks something: %+v", h.link)
	}
	addresses := c.run(t, "ip", "-o", "-4", "address")
	if !strings.Contains(addresses, h.end.IP+"/") || !strings.Contains(addresses, h.end.Interface) {
		t.Errorf("answer %+v, but the namespace has %s", h.end, addresses)
	}
	if !strings.Contains(addresses, "127.0.0.1/8") || !strings.Contains(c.run(t, "ip", "link", "show", "lo"), "UP") {
		t.Errorf("lo is not up: %s", addresses)
	}
	if routes := c.run(t, "ip", "route"); !strings.Contains(routes, "default via "+h.end.Gateway) {
		t.Errorf("answer %+v, but the routes are %s", h.end, routes)
	}
	if got := c.fetch(worldAddress + ":80"); got != "world" {
		t.Errorf("page: %s", got)
	}
	if got := c.resolve(h.link.DNS[0]); got != "answered" {
		t.Errorf("name server %s: %s", h.link.DNS[0], got)
	}
}

// testHostLoopback: what listens on the host's 127.0.0.1 is reached only when asked for.
func testHostLoopback(t *testing.T, mode, option, address string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	c := startContainer(t)
	h := c.connect(t, mode)
	if got := c.fetch(net.JoinHostPort(h.end.Gateway, port)); got == "the host's own" {
		t.Error("the host's loopback is reached without being asked for")
	}
	c = startContainer(t)
	h = c.connect(t, mode, option)
	if got := c.fetch(net.JoinHostPort(h.end.Gateway, port)); got != "the host's own" {
		t.Errorf("with %s: %s", option, got)
	}
}

func testShimGone(t *testing.T, mode string) {
	c := startContainer(t)
	h := c.connect(t, mode)
	if err := h.sock.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the program ends with the shim", func() bool { return !running(h.program) })
}

func testHelperKilled(t *testing.T, mode string) {
	c := startContainer(t)
	h := c.connect(t, mode)
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if mode == ModePasta {
		// It changes its credentials, which clears the signal; the outer pid namespace has it.
		t.Log("pasta outlives rc-net until the shim ends")
		return
	}
	eventually(t, "the program ends with rc-net", func() bool { return !running(h.program) })
}

// testProgramKilled: the program is started anew, and the container has its network again.
func testProgramKilled(t *testing.T, mode string) {
	c := startContainer(t)
	h := c.connect(t, mode)
	if err := unix.Kill(h.program, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if a := h.receive(t); !strings.Contains(a.Lost, mode+": the program ended: signal: killed") || a.Ready {
		t.Errorf("got %+v", a)
	}
	if a := h.receive(t); !a.Ready || a.Link == nil || a.Link.Endpoints[0].IP != h.end.IP {
		t.Errorf("got %+v", a)
	}
	if got := c.fetch(worldAddress + ":80"); got != "world" {
		t.Errorf("page: %s", got)
	}
}

// testOffline: a host without any route. slirp4netns does not mind; old versions of pasta
// do, and then the error has the way out.
func testOffline(t *testing.T, mode string) {
	offline := startContainer(t)
	c := startContainer(t)
	if msg := offline.in(func() (string, error) {
		h := c.helper(t)
		plan, err := NewPlan(mode, nil, nil, ThisMachine(exec.LookPath))
		if err != nil {
			return "", err
		}
		data, err := json.Marshal(plan)
		if err != nil {
			return "", err
		}
		if err := linux.Send(h.sock, data); err != nil {
			return "", err
		}
		a := h.receive(t)
		switch {
		case a.Ready:
			return "", nil
		case mode == ModePasta && strings.Contains(a.Hint, "slirp4netns"):
			t.Logf("%s: %s", a.Error, a.Hint)
			return "", nil
		}
		return fmt.Sprintf("%+v", a), nil
	}); msg != "" {
		t.Error(msg)
	}
}

// testBroken: a program that ends at once, one that is not there, a plan that is none.
func testBroken(t *testing.T, mode string) {
	for name, tt := range map[string]struct{ plan, want string }{
		"says no":   {`{"mode":"` + mode + `","path":"/bin/sh","args":["-c","echo first; echo no such luck >&2; exit 3"]}`, mode + ": the program ended: exit status 3: first; no such luck"},
		"missing":   {`{"mode":"` + mode + `","path":"/no/such"}`, "no such file or directory"},
		"malformed": {`{"mode":`, "network plan"},
	} {
		h := startContainer(t).helper(t)
		if err := linux.Send(h.sock, []byte(tt.plan)); err != nil {
			t.Fatal(err)
		}
		if a := h.receive(t); a.Ready || !strings.Contains(a.Error, tt.want) {
			t.Errorf("%s: got %+v", name, a)
		}
		if err := h.cmd.Wait(); err == nil {
			t.Errorf("%s: exit code 0", name)
		}
	}
}

// container is a process in a network namespace of its own.
type container struct {
	pid  int
	ns   *os.File
	rate *spec.Rate
	// resolv is its resolv.conf, once it is connected.
	resolv string
}

func startContainer(t testing.TB) container {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ns, err := os.Open("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = ns.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return container{pid: cmd.Process.Pid, ns: ns}
}

// run executes a program in the namespace.
func (c container) run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(c.pid), "-n"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", args, err, out)
	}
	return string(out)
}

// in calls f on a thread in the namespace; the thread is thrown away.
func (c container) in(f func() (string, error)) string {
	result := make(chan string, 1)
	go func() {
		runtime.LockOSThread()
		text, err := "", unix.Setns(int(c.ns.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			text, err = f()
		}
		if err != nil {
			text = err.Error()
		}
		result <- text
	}()
	return <-result
}

// fetch gets a page's body, or says why it did not.
func (c container) fetch(address string) string {
	return c.in(func() (string, error) {
		conn, err := net.DialTimeout("tcp", address, 3*time.Second)
		if err != nil {
			return "", err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			return "", err
		}
		reply, err := io.ReadAll(conn)
		_, body, _ := strings.Cut(string(reply), "\r\n\r\n")
		return body, err
	})
}

// resolve asks a name server for the address of example.test.
func (c container) resolve(server string) string {
	return c.in(func() (string, error) {
		conn, err := net.Dial("udp4", server+":53")
		if err != nil {
			return "", err
		}
		defer conn.Close()
		query := []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x04test\x00\x00\x01\x00\x01")
		reply := make([]byte, 512)
		for range 3 {
			if _, err := conn.Write(query); err != nil {
				return "", err
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			var n int
			if n, err = conn.Read(reply); err == nil && n > 3 && reply[0] == 0x12 && reply[2]&0x80 != 0 {
				return "answered", nil
			}
		}
		return "no answer", err
	})
}

// helper is rc-net, played by this binary, and the shim's end of its socket.
type helper struct {
	cmd     *exec.Cmd
	sock    *os.File
	answer  Answer
	link    spec.Link
	end     spec.Endpoint
	program int
}

func (c container) helper(t testing.TB) *helper {
	t.Helper()
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+roleHelper)
	cmd.ExtraFiles = []*os.File{theirs, c.ns}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	t.Cleanup(func() {
		_ = ours.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &helper{cmd: cmd, sock: ours}
}

// connect starts rc-net and waits until the network is up.
func (c *container) connect(t testing.TB, mode string, options ...string) *helper {
	t.Helper()
	return c.publish(t, mode, nil, options...)
}

// publish is connect with ports.
func (c *container) publish(t testing.TB, mode string, ports []spec.Port, options ...string) *helper {
	t.Helper()
	plan, err := NewPlan(mode, options, ports, ThisMachine(exec.LookPath))
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Limit(c.rate, options); err != nil {
		t.Fatal(err)
	}
	plan.Dir = t.TempDir()
	plan.Resolver = &Resolver{Servers: plan.DNS, OldForwarder: mode == ModePasta}
	c.resolv = filepath.Join(plan.Dir, resolvFile)
	if err := os.WriteFile(c.resolv, plan.Resolver.Conf(HostResolvConf()), 0o644); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	h := c.helper(t)
	if err := linux.Send(h.sock, data); err != nil {
		t.Fatal(err)
	}
	if h.answer = h.receive(t); !h.answer.Ready {
		t.Fatalf("not ready: %+v", h.answer)
	}
	h.link = *h.answer.Link
	h.end = h.link.Endpoints[0]
	h.program = childOf(t, h.cmd.Process.Pid)
	return h
}

func (h *helper) receive(t testing.TB) Answer {
	t.Helper()
	var a Answer
	data, _, err := linux.Receive(h.sock, planLimit)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// childOf finds the one child of a process.
func childOf(t testing.TB, pid int) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		if f := strings.Fields(string(data)); len(f) > 0 {
			child, err := strconv.Atoi(f[0])
			if err != nil {
				t.Fatal(err)
			}
			return child
		}
	}
	t.Fatalf("process %d has no child", pid)
	return 0
}

// running reports whether a process lives and is no zombie.
func running(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(data), ") Z ")
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 300 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s: not within 3 s", what)
}

// world is the other end of the host's link.
var world container

// makeWorld gives this namespace a link with an address and a default route, and puts a
// web server and a name server at its other end.
func makeWorld(t testing.TB) {
	t.Helper()
	world = startContainer(t)
	sh := func(format string, args ...any) {
		t.Helper()
		line := strings.Fields(fmt.Sprintf(format, args...))
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			lacking(t, "%v: %v: %s", line, err, out)
		}
	}
	if err := linux.LoopbackUp(); err != nil {
		t.Fatal(err)
	}
	sh("ip link add h0 type veth peer name w0")
	sh("ip link set w0 netns %d", world.pid)
	sh("ip address add %s/24 dev h0", hostAddress)
	sh("ip link set h0 up")
	sh("nsenter -t %d -n ip address add %s/24 dev w0", world.pid, worldAddress)
	sh("nsenter -t %d -n ip address add %s/24 dev w0", world.pid, silentAddress)
	sh("nsenter -t %d -n ip link set w0 up", world.pid)
	sh("ip route add default via %s", worldAddress)

	if msg := world.in(func() (string, error) {
		serve(t, worldAddress+":80", "world")
		return "", serveNames(t, worldAddress+":53")
	}); msg != "" {
		t.Fatal(msg)
	}
	ownEtc(t)
	setResolver(t, "nameserver "+worldAddress+"\n")
}

// ownEtc gives the namespaces an /etc of their own, so that the host's resolv.conf can be replaced.
func ownEtc(t testing.TB) {
	t.Helper()
	entries, err := os.ReadDir("/etc")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if data, err := os.ReadFile("/etc/" + e.Name()); err == nil && len(data) < 1<<20 {
			files[e.Name()] = data
		}
	}
	if err := unix.Mount("tmpfs", "/etc", "tmpfs", 0, "mode=755"); err != nil {
		lacking(t, "%v", err)
	}
	for name, data := range files {
		if err := os.WriteFile("/etc/"+name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// setResolver replaces the host's resolv.conf, as resolvers do.
func setResolver(t testing.TB, conf string) {
	t.Helper()
	if err := linux.ReplaceFile(resolvPath, []byte(conf)); err != nil {
		t.Fatal(err)
	}
}

// testResolver: the container's resolv.conf follows the host's.
func testResolver(t *testing.T, mode string) {
	defer setResolver(t, "nameserver "+worldAddress+"\n")
	c := startContainer(t)
	h := c.connect(t, mode)
	before, err := os.Stat(c.resolv)
	if err != nil {
		t.Fatal(err)
	}
	setResolver(t, "search new.test\nnameserver 198.51.100.53\n")
	want := "search new.test\nnameserver " + h.link.DNS[0] + "\nnameserver 198.51.100.53\n"
	if mode == ModePasta {
		want = "search new.test\nnameserver 198.51.100.53\n"
	}
	got := ""
	eventually(t, "the container's resolv.conf is as the host's", func() bool {
		data, err := os.ReadFile(c.resolv)
		got = string(data)
		return err == nil && got == want
	})
	after, err := os.Stat(c.resolv)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("%v: it is another file, which the container does not see", err)
	}
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// testAddress: the host's address and route change while the container runs.
func testAddress(t *testing.T, mode string) {
	sh := func(line string) {
		t.Helper()
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	c := startContainer(t)
	c.connect(t, mode)
	const other = "198.51.100.77"
	move := func(from, to string) {
		sh("ip address del " + from + "/24 dev h0")
		sh("ip address add " + to + "/24 dev h0")
		sh("ip route replace default via " + worldAddress)
	}
	move(hostAddress, other)
	defer move(other, hostAddress)
	if got := c.fetch(worldAddress + ":80"); got != "world" {
		t.Errorf("page: %s", got)
	}
}

// serve answers every request with a text, and returns the address.
func serve(t testing.TB, address, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Error(err)
		return ""
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, text)
	})}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// serveNames sends every query back as an empty answer.
func serveNames(t testing.TB, address string) error {
	conn, err := net.ListenPacket("udp4", address)
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if n > 3 {
				buf[2] |= 0x80
				_, _ = conn.WriteTo(buf[:n], from)
			}
		}
	}()
	return nil
}
