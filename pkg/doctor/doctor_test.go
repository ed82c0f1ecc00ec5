package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/systemd"
	"github.com/rc-containers/rc/pkg/userns"
)

// told is a finding in a line: state, detail, ! before commands (~ where they are by hand), ? before advice.
func told(f Finding) string {
	line := string(f.State) + " " + f.Detail
	for _, r := range f.Remedies {
		mark := " ! "
		if r.ByHand {
			mark = " ~ "
		}
		line += mark + r.Command
	}
	if f.Advice != "" {
		line += " ? " + f.Advice
	}
	return line
}

func lines(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, told(f))
	}
	return out
}

func compare(t *testing.T, what string, want []string, got []Finding) {
	t.Helper()
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// fake is a machine with these files.
func fake(t *testing.T, files map[string]string) *Host {
	t.Helper()
	h := &Host{root: t.TempDir(), uid: 1000, user: "alice", getenv: func(string) string { return "" }}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestRun(t *testing.T) {
	mended := false
	says := func(findings ...Finding) func(context.Context, *Host) []Finding {
		return func(context.Context, *Host) []Finding { return findings }
	}
	checks := []Check{
		{Name: "good", Run: says(ok("fine"))},
		{Name: "bad", Why: "why", Run: says(problem("broken").mend("sudo mend it"), warning("odd").byHand("throw it away"))},
		{Name: "after", Needs: []string{"bad"}, Run: says(ok("never"))},
		{Name: "last", Needs: []string{"after"}, Run: says(ok("never"))},
		{Name: "mendable", Run: func(context.Context, *Host) []Finding {
			if mended {
				return []Finding{ok("fine now")}
			}
			return []Finding{problem("broken").mend("true")}
		}},
		{Name: "then", Needs: []string{"mendable"}, Run: says(ok("reached"))},
		{Name: "stubborn", Run: says(problem("broken").mend("echo first; echo it is refused; exit 3"))},
		{Name: "settings", Settings: true, Run: says(ok("never"))},
	}
	run := func(fix bool) []string {
		var got []string
		Run(t.Context(), &Host{Load: func() (*config.Config, error) {
			mended = true
			return nil, nil
		}}, checks, fix, func(r Result) {
			line := r.Check + ": " + string(r.State) + " " + r.Detail
			if r.Why != "" {
				line += " (" + r.Why + ")"
			}
			got = append(got, line+strings.Join(append([]string{""}, r.Fixed...), " fixed "))
		})
		return got
	}
	want := []string{
		"good: ok fine", "bad: problem broken (why)", "bad: warning odd (why)", "after: skipped it needs what bad looks at",
		"last: skipped it needs what after looks at", "mendable: problem broken", "then: skipped it needs what mendable looks at",
		"stubborn: problem broken", "settings: skipped rc's settings cannot be read: rc doctor config",
	}
	if diff := cmp.Diff(want, run(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want[5], want[6] = "mendable: ok fine now fixed true", "then: ok reached"
	want[7] = "stubborn: problem broken (tried echo first; echo it is refused; exit 3: it is refused) fixed echo first; echo it is refused; exit 3"
	if diff := cmp.Diff(want, run(true)); diff != "" {
		t.Errorf("with fix (-want +got):\n%s", diff)
	}
}

// TestLimit holds that a check that hangs is left alone, and that the next one is done.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		checks := []Check{
			{Name: "hangs", Limit: time.Second, Run: func(context.Context, *Host) []Finding { <-release; return nil }},
			{Name: "slow", Limit: time.Second, Run: func(ctx context.Context, _ *Host) []Finding {
				<-ctx.Done()
				return []Finding{warning("ended in time")}
			}},
			{Name: "next", Run: func(context.Context, *Host) []Finding { return []Finding{ok("done")} }},
		}
		var got []string
		Run(t.Context(), &Host{}, checks, false, func(r Result) { got = append(got, r.Check+": "+string(r.State)+" "+r.Detail) })
		want := []string{"hangs: problem there was no answer within 1s", "slow: warning ended in time", "next: ok done"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		close(release)
	})
}

func TestFromError(t *testing.T) {
	for _, c := range []struct{ hint, check, want string }{
		{"sudo chmod u+s /x (or: sudo setcap)", "", "problem EOF ~ sudo chmod u+s /x ? or: sudo setcap"},
		{"rc system migrate", "store", "problem EOF ~ rc system migrate"},
		{"install it (Debian: x)", "fuse", "problem EOF ? install it (Debian: x)"},
		{"", "fuse", "problem EOF"},
	} {
		err := errors.New("EOF")
		if c.check != "" {
			err = errs.WithCheck(err, c.hint, c.check)
		} else {
			err = errs.WithHint(err, c.hint)
		}
		if got := told(fromError(err)); got != c.want {
			t.Errorf("%q: %s, want %s", c.hint, got, c.want)
		}
	}
}

func TestInstall(t *testing.T) {
	for _, c := range []struct{ release, program, want string }{
		{"ID=debian", "newuidmap", "warning x ! sudo apt-get install -y uidmap"},
		{"ID=linuxmint\nID_LIKE=\"ubuntu debian\"", "pasta", "warning x ! sudo apt-get install -y passt"},
		{"ID=fedora", "newuidmap", "warning x ! sudo dnf install -y shadow-utils"},
		{`ID="almalinux"` + "\nID_LIKE=\"rhel centos fedora\"", "fuse-overlayfs", "warning x ! sudo dnf install -y fuse-overlayfs"},
		{"ID=arch", "nsenter", "warning x ! sudo pacman -S --needed --noconfirm util-linux"},
		{`ID="opensuse-tumbleweed"` + "\nID_LIKE=\"opensuse suse\"", "slirp4netns", "warning x ! sudo zypper --non-interactive install slirp4netns"},
		{"ID=alpine", "newuidmap", "warning x ! sudo apk add shadow-subids"},
		{"ID=nixos", "pasta", "warning x ? install the package passt in this distribution's way"},
		{"", "slirp4netns", "warning x ? install the package slirp4netns in this distribution's way"},
	} {
		h := fake(t, map[string]string{"/etc/os-release": c.release})
		if got := told(warning("x").installing(h, c.program)); got != c.want {
			t.Errorf("%q: %s, want %s", c.release, got, c.want)
		}
	}
}

func TestJudgeSubuid(t *testing.T) {
	r := func(first, count uint64) []userns.Range { return []userns.Range{{First: first, Count: count}} }
	add := func(uids, gids bool) string {
		return "sudo add" + map[bool]string{true: " u"}[uids] + map[bool]string{true: " g"}[gids]
	}
	replace := func(r userns.Range, groups bool) string { return "sudo replace " + r.String() }
	whole := r(100000, 65536)
	for _, c := range []struct {
		what string
		s    userns.Survey
		want []string
	}{
		{"whole", userns.Survey{UIDs: whole, GIDs: whole}, []string{"ok alice has 65536 user and 65536 group ids (/etc/subuid and /etc/subgid)"}},
		{"none", userns.Survey{}, []string{"problem alice has no ids in /etc/subuid and /etc/subgid ! sudo add u g"}},
		{"no users", userns.Survey{GIDs: whole}, []string{"problem alice has group ids in /etc/subgid, but no user ids in /etc/subuid ! sudo add u"}},
		{"no groups", userns.Survey{UIDs: whole}, []string{"problem alice has user ids in /etc/subuid, but no group ids in /etc/subgid ! sudo add g"}},
		{"few", userns.Survey{UIDs: r(1, 1000), GIDs: whole}, []string{"warning alice has 1000 user and 65536 group ids: fewer than the 65536 that images may use ! sudo add u"}},
		{"nobody to ask but the service", userns.Survey{NSS: true}, []string{
			"problem alice has no ids in the directory service (subid: in /etc/nsswitch.conf) ? ranges are given out by the directory service: ask who runs it",
		}},
		{"overlap and malformed", userns.Survey{
			UIDs: whole, GIDs: whole, Overlaps: []userns.Overlap{{Mine: whole[0], With: "bob's"}}, Malformed: []error{errors.New("line 3")},
		}, []string{
			"warning your range 100000-165535 meets bob's: files and processes of one are the other's, too ~ sudo replace 100000-165535 ? " + movingAdvice,
			"warning line 3: newuidmap passes over this line ? correct the line: NAME:FIRST:COUNT",
		}},
	} {
		c.s.Name = "alice"
		compare(t, c.what, c.want, judgeSubuid(&c.s, add, replace))
	}
}

func TestJudgeOverlay(t *testing.T) {
	native, fuse, asked := overlay.Choice{Program: overlay.Native}, overlay.Choice{Program: overlay.Fuse, Reason: "/d is on NFS"}, overlay.Choice{Program: overlay.Fuse, Reason: "asked for"}
	for _, c := range []struct {
		choice       overlay.Choice
		native, fuse string
		want         string
	}{
		{native, "", "x", "ok the kernel mounts it in /d"},
		{native, "EPERM", "", "warning fuse-overlayfs mounts it in /d, which is slower (the kernel's overlayfs refused: EPERM)"},
		{fuse, "", "", "warning fuse-overlayfs mounts it in /d, which is slower (/d is on NFS)"},
		{asked, "", "", "ok fuse-overlayfs mounts it in /d, as asked for; the kernel could, too"},
		{fuse, "EINVAL", "not found", "problem nothing mounts it in /d: /d is on NFS; fuse-overlayfs: not found"},
	} {
		got := judgeOverlay(c.choice, c.native, c.fuse, "/d")
		got[0].Advice = ""
		compare(t, c.want, []string{c.want}, got)
	}
}

func TestJudgeHost(t *testing.T) {
	const plenty, infinite = 1 << 40, unix.RLIM_INFINITY
	disk := func(bytes, inodes uint64) []Finding { return []Finding{judgeDisk("/d", bytes, inodes)} }
	const clean = " ~ rc system df ~ rc system prune ? or keep the data elsewhere: rc --root DIRECTORY, temporary files with --tmpdir"
	compare(t, "room", []string{"ok 1.1 TB free in /d"}, disk(plenty, plenty))
	compare(t, "full", []string{"problem only 1 MB free in /d" + clean}, disk(1e6, plenty))
	compare(t, "low", []string{"warning only 1 GB free in /d" + clean}, disk(1e9, plenty))
	compare(t, "no inodes", []string{"problem only 5 inodes free in /d: no more files can be made, whatever the bytes" + clean}, disk(plenty, 5))
	compare(t, "few inodes", []string{"warning only 5000 inodes free in /d: each file of an image takes one" + clean}, disk(plenty, 5000))

	compare(t, "no limits", []string{"ok up to unlimited open files, 4096 processes"}, fake(t, nil).judgeRlimits(infinite, 4096))
	hard := lines(fake(t, map[string]string{systemd.BootedDir + "/x": ""}).judgeRlimits(256, 100))
	if len(hard) != 2 || !strings.Contains(hard[0], "LimitNOFILE=1048576") || !strings.Contains(hard[1], "LimitNPROC=infinity") {
		t.Errorf("%q", hard)
	}

	hard = lines(fake(t, nil).judgeRlimits(256, infinite))
	if len(hard) != 1 || !strings.Contains(hard[0], "echo 'alice - nofile 1048576' | sudo tee") {
		t.Errorf("without systemd: %q", hard)
	}

	compare(t, "all controllers", []string{"ok cpu, memory, pids, io, cpuset"}, judgeDelegation(wanted(), wanted()))
	got := judgeDelegation([]string{"memory", "pids"}, []string{"memory", "pids", "cpu", "io"})
	if len(got) != 2 || got[0].Detail != "cpu, io are not delegated to you" || !strings.Contains(got[0].Remedies[0].Command, "delegate.conf") ||
		!got[0].Remedies[0].Root || !strings.HasPrefix(got[1].Detail, "cpuset is not in cgroup v2") {
		t.Errorf("%q", lines(got))
	}
}

func TestJudgeNetwork(t *testing.T) {
	up := netReport{Addresses: []string{"10.0.2.100/24"}, Route: true}
	named := up
	named.Resolved = "192.0.2.1"
	lost := up
	lost.Problem = "timeout"
	for want, got := range map[string]Finding{
		"ok address 10.0.2.100/24; x is 192.0.2.1":                                                           judgeNetwork(named, "x", nil),
		"ok address 10.0.2.100/24; names were not tried, since this machine itself resolves none (offline)":  judgeNetwork(up, "x", errors.New("offline")),
		"problem address 10.0.2.100/24; x can be resolved here and not in a container: timeout":              judgeNetwork(lost, "x", nil),
		"problem the container had no address":                                                               judgeNetwork(netReport{}, "x", nil),
		"warning address 10.0.2.100/24, and no way out of there: this machine has no default route, perhaps": judgeNetwork(netReport{Addresses: up.Addresses}, "x", nil),
	} {
		got.Advice = ""
		compare(t, want, []string{want}, []Finding{got})
	}
}

func TestFiles(t *testing.T) {
	ping := func(text string) []Finding {
		return checkPing(t.Context(), fake(t, map[string]string{"/proc/sys/net/ipv4/ping_group_range": text}))
	}
	compare(t, "ping", []string{"ok 0 to 2147483647, which a group of yours is in"}, ping("0\t2147483647\n"))
	compare(t, "no ping", []string{"warning it is 1 0, which none of your groups is in: ping works to the host only ! echo 'net.ipv4.ping_group_range = 0 2147483647' " +
		"| sudo tee /etc/sysctl.d/90-rc-ping_group_range.conf && sudo sysctl -p /etc/sysctl.d/90-rc-ping_group_range.conf"}, ping("1\t0\n"))
	ports := func(text string) string {
		return told(checkPorts(t.Context(), fake(t, map[string]string{"/proc/sys/net/ipv4/ip_unprivileged_port_start": text}))[0])
	}
	if ports("0") != "ok all ports can be published" || !strings.HasPrefix(ports("1024"), "ok ports from 1024 on") {
		t.Errorf("%s %s", ports("0"), ports("1024"))
	}
	const write = " ? let the network's manager write it, or write a line: nameserver ADDRESS"
	resolv := func(text string) []Finding {
		return checkResolv(t.Context(), fake(t, map[string]string{"/etc/resolv.conf": text}))
	}
	compare(t, "resolv", []string{"ok it names 192.0.2.1, 192.0.2.2"}, resolv("# x\nnameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"))
	compare(t, "no server", []string{"warning /etc/resolv.conf names no server: no name can be resolved, here or in containers" + write}, resolv("search x\n"))
	h := fake(t, map[string]string{"/etc/x": ""})
	if err := os.Symlink("../run/systemd/resolve/stub-resolv.conf", h.path("/etc/resolv.conf")); err != nil {
		t.Fatal(err)
	}
	compare(t, "dangling", []string{"warning /etc/resolv.conf is a link to ../run/systemd/resolve/stub-resolv.conf, which cannot be read ! sudo systemctl enable --now systemd-resolved"},
		checkResolv(t.Context(), h))
	compare(t, "no systemd", []string{"ok no logout ends containers here"}, checkLinger(t.Context(), fake(t, nil)))
	booted := map[string]string{systemd.BootedDir + "/x": ""}
	compare(t, "no linger", []string{"warning alice does not linger ! loginctl enable-linger ? if that is refused: sudo loginctl enable-linger alice"}, checkLinger(t.Context(), fake(t, booted)))
	booted["/var/lib/systemd/linger/alice"] = ""
	compare(t, "linger", []string{"ok alice lingers"}, checkLinger(t.Context(), fake(t, booted)))
}

func TestRuntimeDir(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o755)); err != nil { //nolint:gosec // that is what is to be found
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, want string }{
		{dir + "/it's", "problem XDG_RUNTIME_DIR is " + dir + "/it's: file does not exist ! mkdir -m 700 '" + dir + `/it'\''s'`},
		{"relative", "problem XDG_RUNTIME_DIR is relative: not an absolute path ~ unset XDG_RUNTIME_DIR"},
		{open, "warning " + open + " has mode 0755: others can look into it ! chmod 700 " + open},
		{"/proc/self/status", "problem XDG_RUNTIME_DIR is /proc/self/status: not a directory ~ unset XDG_RUNTIME_DIR"},
		{"/nowhere/at/all", "problem XDG_RUNTIME_DIR is /nowhere/at/all: file does not exist ~ unset XDG_RUNTIME_DIR"},
	} {
		h := &Host{uid: os.Getuid(), user: "alice", root: t.TempDir(), getenv: func(string) string { return c.dir }}
		got := told(checkRuntimeDir(t.Context(), h)[0])
		// Whoever has a session is told of it.
		got = strings.ReplaceAll(got, "export XDG_RUNTIME_DIR=/run/user/"+h.user, "unset XDG_RUNTIME_DIR")
		if got != c.want && !strings.Contains(got, "~ export XDG_RUNTIME_DIR=/run/user/") {
			t.Errorf("%s: %s, want %s", c.dir, got, c.want)
		}
	}
}
