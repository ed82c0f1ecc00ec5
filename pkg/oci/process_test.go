package oci

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestUser(t *testing.T) {
	needManyIDs(t)
	for _, test := range []struct {
		user   string
		groups []string
		want   string
	}{
		{"", nil, "uid=0(root) gid=0(root) groups=0(root),10(wheel) HOME=/root"},
		{"root", nil, "uid=0(root) gid=0(root) groups=0(root),10(wheel) HOME=/root"},
		{"alice", nil, "uid=1000(alice) gid=1000(alice) groups=10(wheel),44(video),1000(alice) HOME=/home/alice"},
		{"1000", nil, "uid=1000(alice) gid=1000(alice) groups=10(wheel),44(video),1000(alice) HOME=/home/alice"},
		{"alice:video", nil, "uid=1000(alice) gid=44(video) groups=44(video) HOME=/home/alice"},
		{"1234", nil, "uid=1234 gid=0(root) groups=0(root) HOME=/"},
		{"1234:5678", nil, "uid=1234 gid=5678 groups=5678 HOME=/"},
		{"alice", []string{"tty", "4000"}, "uid=1000(alice) gid=1000(alice) groups=5(tty),10(wheel),44(video),1000(alice),4000 HOME=/home/alice"},
	} {
		got := output(t, "echo $(id) HOME=$HOME", func(p *plan) {
			p.Spec.Process.User.Username = test.user
			p.GroupAdd = test.groups
		})
		if sortGroups(got) != test.want {
			t.Errorf("user %q: got %q, want %q", test.user, sortGroups(got), test.want)
		}
	}
}

// sortGroups orders id's list of groups, which setgroups(2) leaves in the order given but
// the kernel sorts, and adds no duplicates.
func sortGroups(line string) string {
	fields := strings.Fields(line)
	for i, f := range fields {
		list, ok := strings.CutPrefix(f, "groups=")
		if !ok {
			continue
		}
		seen := map[int]string{}
		var order []int
		for g := range strings.SplitSeq(list, ",") {
			number, _, _ := strings.Cut(g, "(")
			n, _ := strconv.Atoi(number)
			if _, dup := seen[n]; !dup {
				order = append(order, n)
			}
			seen[n] = g
		}
		for a := range order {
			for b := a + 1; b < len(order); b++ {
				if order[b] < order[a] {
					order[a], order[b] = order[b], order[a]
				}
			}
		}
		var out []string
		for _, n := range order {
			out = append(out, seen[n])
		}
		fields[i] = "groups=" + strings.Join(out, ",")
	}
	return strings.Join(fields, " ")
}

func TestUserErrors(t *testing.T) {
	for _, test := range []struct{ user, group, want string }{
		{"nobody", "", `user "nobody": no entry in the container's /etc/passwd: not found`},
		{"root:nogroup", "", `group "nogroup": no entry in the container's /etc/group: not found`},
		{"", "nogroup", `additional group "nogroup": no entry in the container's /etc/group: not found`},
		{"70000", "", `become user 70000: invalid argument`},
		{"0:70000", "", `become group 70000: invalid argument`},
	} {
		r := run(t, "true", func(p *plan) {
			p.Spec.Process.User.Username = test.user
			if test.group != "" {
				p.GroupAdd = []string{test.group}
			}
		})
		if r.Err != test.want || r.ErrCode != 125 {
			t.Errorf("user %q: %q, %d; want %q", test.user, r.Err, r.ErrCode, test.want)
		}
		if strings.HasPrefix(test.want, "become") && !strings.Contains(r.Hint, "/etc/sub") {
			t.Errorf("user %q: hint %q", test.user, r.Hint)
		}
	}
}

// TestOneID: without a subordinate range the groups of the image are left out silently, and
// those asked for are an error.
func TestOneID(t *testing.T) {
	if manyIDs() {
		skip(t, "root maps many ids here: run as an ordinary user as well")
	}
	if got := output(t, "id -u", func(p *plan) { p.Spec.Process.User.Username = "root" }); got != "0" {
		t.Errorf("got %q", got)
	}
	r := run(t, "true", func(p *plan) { p.GroupAdd = []string{"tty"} })
	if !strings.Contains(r.Err, "set additional groups [5]") || r.Hint == "" {
		t.Errorf("%q, hint %q", r.Err, r.Hint)
	}
	output(t, "true", func(p *plan) { p.GroupAdd = []string{KeepGroups} })
}

func TestUserFilesAreTheContainers(t *testing.T) {
	outside := t.TempDir()
	write(t, outside+"/passwd", "root:x:0:0::/outside:/bin/sh\n", 0o644)
	got := output(t, "echo $HOME", func(p *plan) {
		if err := os.Remove(p.Rootfs + "/etc/passwd"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside+"/passwd", p.Rootfs+"/etc/passwd"); err != nil {
			t.Fatal(err)
		}
	})
	if got != "/" {
		t.Errorf("HOME is %q: the host's file was read", got)
	}
	r := run(t, "true", func(p *plan) {
		if err := os.Remove(p.Rootfs + "/etc/passwd"); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mkfifo(p.Rootfs+"/etc/passwd", 0o644); err != nil {
			t.Fatal(err)
		}
	})
	if !strings.Contains(r.Err, "not a regular file") {
		t.Errorf("a FIFO as passwd: %q", r.Err)
	}
}

func TestCapabilities(t *testing.T) {
	needManyIDs(t)
	const script = "grep -E '^Cap' /proc/self/status"
	sets := func(inh, prm, eff, bnd, amb string) string {
		pad := func(s string) string { return strings.Repeat("0", 16-len(s)) + s }
		return fmt.Sprintf("CapInh:\t%s\nCapPrm:\t%s\nCapEff:\t%s\nCapBnd:\t%s\nCapAmb:\t%s", pad(inh), pad(prm), pad(eff), pad(bnd), pad(amb))
	}
	for _, test := range []struct {
		name, user string
		bounding   []string
		ambient    []string
		want       string
	}{
		{"root", "", []string{"CAP_CHOWN", "CAP_NET_ADMIN"}, []string{"CAP_NET_ADMIN"}, sets("0", "1001", "1001", "1001", "0")},
		{"none", "", nil, nil, sets("0", "0", "0", "0", "0")},
		{"user", "alice", DefaultCapabilities(), nil, sets("0", "0", "0", "a80425fb", "0")},
		{"user with added", "alice", append(DefaultCapabilities(), "CAP_NET_ADMIN"), []string{"CAP_NET_ADMIN"}, sets("1000", "1000", "1000", "a80435fb", "1000")},
		{"all", "", AllCapabilities(), nil, sets("0", "1ffffffffff", "1ffffffffff", "1ffffffffff", "0")},
	} {
		for _, init := range []bool{false, true} {
			got := output(t, script, func(p *plan) {
				p.Init = init
				p.Spec.Process.User.Username = test.user
				p.Spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: test.bounding, Ambient: test.ambient}
			})
			if got != test.want {
				t.Errorf("%s, init %v: got\n%s\nwant\n%s", test.name, init, got, test.want)
			}
		}
	}
	got := output(t, script, func(p *plan) { p.Spec.Process.Capabilities = nil })
	if got != sets("0", "0", "0", "0", "0") {
		t.Errorf("no capabilities described: got\n%s", got)
	}
	r := run(t, script, func(p *plan) { p.Spec.Process.Capabilities.Ambient = []string{"CAP_SYS_ADMIN"} })
	if !strings.Contains(r.Err, "CAP_SYS_ADMIN") || r.Sentry != "invalid" {
		t.Errorf("ambient outside of bounding: %q", r.Err)
	}
}

func TestWorkingDirectory(t *testing.T) {
	got := output(t, "pwd; stat -c '%a %u' .", func(p *plan) { p.Spec.Process.Cwd = "/not/there/yet" })
	if got != "/not/there/yet\n755 0" {
		t.Errorf("got %q", got)
	}
	r := run(t, "true", func(p *plan) { p.Spec.Process.Cwd = "/etc/passwd" })
	if r.Err != `working directory "/etc/passwd": not a directory` || r.ErrCode != 125 {
		t.Errorf("a file: %q, %d", r.Err, r.ErrCode)
	}
	r = run(t, "true", func(p *plan) { p.Spec.Process.Cwd = "relative" })
	if !strings.Contains(r.Err, "not an absolute path") {
		t.Errorf("relative: %q", r.Err)
	}
}

func TestLimits(t *testing.T) {
	var nofile syscall.Rlimit
	if err := syscall.Getrlimit(unix.RLIMIT_NOFILE, &nofile); err != nil {
		t.Fatal(err)
	}
	const script = "cat /proc/self/limits | grep -E 'open files|core file'; umask; cat /proc/self/oom_score_adj"
	score := 500
	umask := uint32(0o027)
	for _, init := range []bool{false, true} {
		got := output(t, script, func(p *plan) {
			p.Init = init
			p.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 123, Hard: 456}, {Type: "RLIMIT_CORE"}}
			p.Spec.Process.OOMScoreAdj = &score
			p.Spec.Process.User.Umask = &umask
		})
		want := "Max core file size 0 0 bytes\nMax open files 123 456 files\n0027\n500"
		if squeeze(got) != want {
			t.Errorf("init %v: got %q, want %q", init, squeeze(got), want)
		}
	}
	r := run(t, "true", func(p *plan) {
		p.Spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 1 << 40}}
	})
	if !strings.Contains(r.Err, "set limit RLIMIT_NOFILE") || r.Code != -1 {
		t.Errorf("too high: %q", r.Err)
	}
	low := -1000
	r = run(t, "true", func(p *plan) { p.Spec.Process.OOMScoreAdj = &low })
	if !strings.Contains(r.Err, "set oom score adjustment to -1000: permission denied") || !strings.Contains(r.Hint, "raise") {
		t.Errorf("oom score: %q, hint %q", r.Err, r.Hint)
	}
}

// TestSoftLimitOfFiles: the Go runtime raises it in each process on the way; the command
// gets the one that the caller had.
func TestSoftLimitOfFiles(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &old); err != nil {
		t.Fatal(err)
	}
	low := syscall.Rlimit{Cur: 777, Max: old.Max}
	if err := syscall.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(unix.RLIMIT_NOFILE, &syscall.Rlimit{Cur: old.Cur, Max: old.Max})
	for _, init := range []bool{false, true} {
		if got := output(t, "ulimit -n", func(p *plan) { p.Init = init }); got != "777" {
			t.Errorf("init %v: got %s, want 777", init, got)
		}
	}
}

func squeeze(s string) string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(out, "\n")
}

func TestSysctls(t *testing.T) {
	got := output(t, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmax /proc/sys/kernel/domainname /proc/sys/net/ipv4/conf/lo/forwarding", func(p *plan) {
		p.Spec.Domainname = "example.net"
		p.Spec.Linux.Sysctl = map[string]string{
			"net.ipv4.ip_unprivileged_port_start": "80", "kernel.shmmax": "12345", "net/ipv4/conf/lo/forwarding": "1",
		}
	})
	if got != "80\n12345\nexample.net\n1" {
		t.Errorf("got %q", got)
	}
	for key, want := range map[string]string{
		"kernel.panic":  `sysctl "kernel.panic": it belongs to no namespace`,
		"net.no.such":   `sysctl net.no.such=1: no such file or directory`,
		"net.../x":      `belongs to no namespace`,
		"net/../kernel": `belongs to no namespace`,
	} {
		r := run(t, "true", func(p *plan) { p.Spec.Linux.Sysctl = map[string]string{key: "1"} })
		if !strings.Contains(r.Err, want) {
			t.Errorf("%s: %q, want %q", key, r.Err, want)
		}
	}
}

// TestBetween: the network namespace can be configured from outside before the command
// runs.
func TestBetween(t *testing.T) {
	got := output(t, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; hostname", func(p *plan) {
		p.Between = "nsenter --net=/proc/$PID/ns/net sh -c 'echo 81 >/proc/sys/net/ipv4/ip_unprivileged_port_start'; nsenter --uts=/proc/$PID/ns/uts hostname late"
	})
	if got != "81\nlate" {
		t.Errorf("got %q", got)
	}
}

func TestSignals(t *testing.T) {
	for _, init := range []bool{false, true} {
		r := run(t, "trap 'exit 9' TERM; echo waiting; while :; do sleep 0.1; done", func(p *plan) {
			p.Init, p.SignalAfter, p.Signal = init, "waiting", int(unix.SIGTERM)
			if err := os.Symlink("busybox", p.Rootfs+"/bin/trap"); err != nil {
				t.Fatal(err)
			}
		})
		if r.Err != "" || r.Code != 9 {
			t.Errorf("init %v: code %d, %q", init, r.Code, r.Err)
		}
	}
	// A command that is not pid 1 has the default action of SIGTERM.
	r := run(t, "", func(p *plan) {
		p.Spec.Process.Args = []string{"sh", "-c", "echo waiting; exec sleep 100"}
		p.Init, p.SignalAfter, p.Signal = true, "waiting", int(unix.SIGTERM)
	})
	if r.Err != "" || r.Code != 128+int(unix.SIGTERM) {
		t.Errorf("code %d, %q", r.Code, r.Err)
	}
}

// TestSignalsAreReset: what the caller ignores or blocks is not the container's.
func TestSignalsAreReset(t *testing.T) {
	for _, init := range []bool{false, true} {
		got := output(t, "grep -E '^Sig(Blk|Ign)' /proc/self/status", func(p *plan) {
			p.Init = init
			p.IgnoreHangup = true
			p.Spec.Process.Args = []string{"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"} // sh would ignore SIGQUIT
		})
		if want := "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"; got != want {
			t.Errorf("init %v: got %q", init, got)
		}
	}
}

func TestReaper(t *testing.T) {
	got := output(t, "echo $$; for i in 1 2 3; do (sleep 0.05 &) ; done; sleep 0.3; ps -o stat,comm | grep -c Z; cat /proc/1/cmdline | tr '\\0' ' '", func(p *plan) {
		p.Init = true
		if err := os.Symlink("busybox", p.Rootfs+"/bin/tr"); err != nil {
			t.Fatal(err)
		}
	})
	lines := strings.Split(got, "\n")
	if len(lines) != 3 || lines[0] == "1" || lines[1] != "0" || !strings.HasPrefix(lines[2], "rc-init reaper 3 /bin/sh -- sh -c") {
		t.Errorf("got %q", got)
	}
	if r := run(t, "exit 42", func(p *plan) { p.Init = true }); r.Code != 42 {
		t.Errorf("code %d, %s", r.Code, r.Err)
	}
	if r := run(t, "kill -9 $$", func(p *plan) { p.Init = true }); r.Code != 137 {
		t.Errorf("killed: code %d, %s", r.Code, r.Err)
	}
}

func TestTerminal(t *testing.T) {
	for _, init := range []bool{false, true} {
		r := run(t, "tty; stty size; readlink /proc/self/fd/0; stat -c '%t' /dev/console; read x; echo got $x; cat /proc/self/stat >/tmp/s; read a b c d e f g h </tmp/s; [ $g != 0 ] && echo controlling; echo tty >/dev/tty; exit 5", func(p *plan) {
			p.Init = init
			p.Spec.Process.Terminal = true
			p.Spec.Process.ConsoleSize = &specs.Box{Height: 33, Width: 77}
			p.Stdin = "typed\n"
		})
		want := []string{"/dev/pts/0", "33 77", "/dev/pts/0", "88", "got typed", "controlling", "tty"}
		out := strings.ReplaceAll(r.Output, "\r\n", "\n")
		var lines []string
		for line := range strings.SplitSeq(out, "\n") {
			if line != "typed" && line != "" { // the terminal's echo, whenever it comes
				lines = append(lines, line)
			}
		}
		if r.Err != "" || r.Code != 5 || strings.Join(lines, "|") != strings.Join(want, "|") {
			t.Errorf("init %v: code %d, %q\ngot  %q\nwant %q", init, r.Code, r.Err, lines, want)
		}
	}
}

// TestTerminalInterrupt types Ctrl-C: the line discipline signals the foreground group.
func TestTerminalInterrupt(t *testing.T) {
	for _, init := range []bool{false, true} {
		r := run(t, "trap 'echo interrupted; exit 6' INT; echo ready; while :; do sleep 0.05; done", func(p *plan) {
			p.Init = init
			p.Spec.Process.Terminal = true
			p.StdinAfter, p.Stdin = "ready", "\x03"
		})
		if r.Code != 6 || strings.Count(r.Output, "interrupted") != 1 {
			t.Errorf("init %v: code %d, %q, %q", init, r.Code, r.Err, r.Output)
		}
	}
}

func TestExtraFiles(t *testing.T) {
	for _, init := range []bool{false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := &plan{Spec: testSpec("echo to three >&3; ls /proc/self/fd"), Rootfs: busyboxRoot(t), Extra: 1, Init: init}
		res := launch(t, p, unix.CLONE_NEWPID, w)
		_ = w.Close()
		data, err := io.ReadAll(r)
		if err != nil || string(data) != "to three\n" {
			t.Errorf("init %v: read %q, %v, %q", init, data, err, res.Err)
		}
		// 4 is the directory that ls reads.
		if res.stdout != "0\n1\n2\n3\n4\n" {
			t.Errorf("init %v: descriptors %q", init, res.stdout)
		}
	}
}

// TestDeathWithParent: the container ends when the caller dies, in a shared pid namespace,
// too.
func TestDeathWithParent(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &plan{Spec: testSpec("echo started; sleep 300 >/dev/null 2>&1 & exec sleep 300"), Rootfs: busyboxRoot(t), Extra: 1, DieWithParent: true, SignalAfter: "started", Leave: true}
	p.Spec.Process.Args = []string{"sh", "-c", "echo started; exec sleep 300"}
	p.Spec.Hostname = ""
	p.Spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	res := launch(t, p, 0, w)
	_ = w.Close()
	if res.Err != "" {
		t.Fatal(res.Err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(r).ReadByte() // the end of the pipe is the end of sleep
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the container outlived its parent")
	}
}

func TestNestedUserNamespace(t *testing.T) {
	needManyIDs(t)
	got := output(t, "id -u; cat /proc/self/uid_map; touch /tmp/x; stat -c %u /tmp/x", func(p *plan) {
		l := p.Spec.Linux
		l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		l.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100, Size: 1000}}
		l.GIDMappings = l.UIDMappings
		p.Setup = "chmod 755 " + p.Rootfs + "/.. " + p.Rootfs + "/../..; chmod 777 " + p.Rootfs + " " + p.Rootfs + "/tmp"
	})
	if squeeze(got) != "0\n0 100 1000\n0" {
		t.Errorf("got %q", got)
	}
}

// TestKilledBeforeRun: a child that dies while it waits is an error, not a container that
// ran.
func TestKilledBeforeRun(t *testing.T) {
	r := run(t, "true", func(p *plan) { p.Between = "kill -9 $PID" })
	if !strings.Contains(r.Err, "exit code 137") || !strings.Contains(r.Err, "died while it was set up") {
		t.Errorf("%q, code %d", r.Err, r.Code)
	}
}
