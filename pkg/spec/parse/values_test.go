package parse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse/parsetest"
)

// refusal is a value that must be refused, a word of the reason, and its kind.
type refusal struct {
	value, word string
	kind        error
}

func checkRefusals[T any](t *testing.T, list []refusal, parse func(string) (T, error)) {
	t.Helper()
	for _, r := range list {
		got, err := parse(r.value)
		parsetest.Refused(t, r.value, r.word, r.kind, got, err)
	}
}

// accepted is a value and what a parser makes of it.
type accepted[T any] struct {
	value string
	want  T
}

func check[T any](t *testing.T, parse func(string) (T, error), good []accepted[T], bad []refusal) {
	t.Helper()
	for _, g := range good {
		got, err := parse(g.value)
		if err != nil {
			t.Errorf("%q: %v", g.value, err)
			continue
		}
		if diff := cmp.Diff(g.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", g.value, diff)
		}
	}
	checkRefusals(t, bad, parse)
}

func TestParseSize(t *testing.T) {
	const want = "want a number with b, k, m, g or t"
	check(t, Size, []accepted[int64]{
		{"0", 0},
		{"1024", 1024},
		{"1b", 1},
		{"1k", 1024},
		{"1K", 1024},
		{"512m", 512 << 20},
		{"512MB", 512 << 20},
		{"64MiB", 64 << 20},
		{"1.5g", 3 << 29},
		{"2t", 2 << 40},
		{"1 g", 1 << 30},
		{".5k", 512},
	}, []refusal{
		{"", want, nil},
		{"m", want, nil},
		{"12q", want, nil},
		{"-1", want, nil},
		{"1e9", want, nil},
		{"0x10", want, nil},
		{"inf", want, nil},
		{"nan", want, nil},
		{"1_0", want, nil},
		{"5ib", want, nil},
		{"1.2.3", want, nil},
		{"9000000p", "8 EiB", nil},
	})
	check(t, Swap, []accepted[int64]{{"-1", -1}, {"1g", 1 << 30}}, []refusal{{"-2", "-1 for no limit", nil}})
}

func TestParseLimits(t *testing.T) {
	check(t, CPUs, []accepted[int64]{{"0", 0}, {"1", 100000}, {"1.5", 150000}, {".5", 50000}, {"0.01", 1000}},
		[]refusal{{"", "1.5", nil}, {"two", "1.5", nil}, {"-1", "1.5", nil}, {"1e3", "1.5", nil}, {"0.001", "0.01", nil}, {"99999999", "1.5", nil}})
	check(t, Set, []accepted[string]{{"0", "0"}, {"0-3,7", "0-3,7"}},
		[]refusal{{"", "0-3,7", nil}, {"3-0", "range", nil}, {"a", "0-3", nil}, {"0-", "range", nil}, {"1,,2", "0-3", nil}})
	check(t, ThrottleBytes, []accepted[spec.Throttle]{{"/dev/sda:10mb", spec.Throttle{Path: "/dev/sda", Rate: 10 << 20}}, {"/dev/sda:0", spec.Throttle{Path: "/dev/sda"}}},
		[]refusal{{"sda:1", "DEVICE:RATE", nil}, {"/dev/sda", "DEVICE:RATE", nil}, {"/dev/sda:fast", "rate", nil}})
	check(t, ThrottleOps, []accepted[spec.Throttle]{{"/dev/sda:100", spec.Throttle{Path: "/dev/sda", Rate: 100}}},
		[]refusal{{"/dev/sda:10mb", "operations per second", nil}, {"/tmp/x:1", "DEVICE:RATE", nil}})
	check(t, BlkioWeight, []accepted[uint16]{{"10", 10}, {"1000", 1000}, {"0", 0}},
		[]refusal{{"9", "10 to 1000", nil}, {"1001", "10 to 1000", nil}, {"x", "10 to 1000", nil}})
	check(t, PIDsLimit, []accepted[int64]{{"10", 10}, {"0", -1}, {"-1", -1}}, []refusal{{"-2", "-1", nil}, {"many", "number", nil}})
	check(t, Umask, []accepted[uint32]{{"022", 0o22}, {"0077", 0o77}, {"0", 0}},
		[]refusal{{"8", "octal", nil}, {"1777", "octal", nil}, {"00022", "octal", nil}, {"", "octal", nil}})
	check(t, OOMScoreAdj, []accepted[int]{{"-1000", -1000}, {"0", 0}, {"1000", 1000}},
		[]refusal{{"1001", "-1000 to 1000", nil}, {"", "-1000 to 1000", nil}})
	limit := func(kind string, soft, hard uint64) specs.POSIXRlimit {
		return specs.POSIXRlimit{Type: kind, Soft: soft, Hard: hard}
	}
	check(t, Ulimit, []accepted[specs.POSIXRlimit]{
		{"nofile=1024", limit("RLIMIT_NOFILE", 1024, 1024)},
		{"nofile=1024:2048", limit("RLIMIT_NOFILE", 1024, 2048)},
		{"NPROC=5:-1", limit("RLIMIT_NPROC", 5, spec.Unlimited)},
		{"RLIMIT_CORE=0", limit("RLIMIT_CORE", 0, 0)},
		{"core=unlimited", limit("RLIMIT_CORE", spec.Unlimited, spec.Unlimited)},
		{"memlock=-1:-1", limit("RLIMIT_MEMLOCK", spec.Unlimited, spec.Unlimited)},
	}, []refusal{
		{"nofile", "NAME=SOFT", nil},
		{"files=1", "unknown limit", nil},
		{"nofile=", "not a limit", nil},
		{"nofile=2:1", "above the hard", nil},
		{"nofile=-1:5", "above the hard", nil},
		{"nofile=1:2:3", "not a limit", nil},
		{"nofile=-5", "not a limit", nil},
	})
}

func TestParseCapability(t *testing.T) {
	check(t, Capability, []accepted[string]{
		{"NET_ADMIN", "CAP_NET_ADMIN"}, {"net_admin", "CAP_NET_ADMIN"}, {"CAP_CHOWN", "CAP_CHOWN"}, {"all", "ALL"}, {"ALL", "ALL"},
	}, []refusal{
		{"NET_ADMIM", "did you mean NET_ADMIN?", nil},
		{"FLY", "capabilities(7)", nil},
		{"", "unknown", nil},
		{"CAP_ALL", "unknown", nil},
	})
	if n := len(spec.CapabilityNames()); n != 41 {
		t.Errorf("%d capabilities, want the 41 of Linux 6.12", n)
	}
}

func TestParseSysctl(t *testing.T) {
	for value, want := range map[string][2]string{
		"net.ipv4.ip_forward=1":       {"net.ipv4.ip_forward", "1"},
		"net/ipv4/ip_forward=1":       {"net.ipv4.ip_forward", "1"},
		"net/ipv4/conf/eth0.1/arp=1":  {"net/ipv4/conf/eth0.1/arp", "1"},
		"kernel.sem=250 32000 32 128": {"kernel.sem", "250 32000 32 128"},
		"kernel.shmmax=":              {"kernel.shmmax", ""},
	} {
		key, val, err := Sysctl(value)
		if err != nil || key != want[0] || val != want[1] {
			t.Errorf("%q: %q %q %v", value, key, val, err)
		}
	}
	checkRefusals(t, []refusal{
		{"net.ipv4.ip_forward", "KEY=VALUE", nil},
		{"=1", "KEY=VALUE", nil},
		{"net/../kernel/core_pattern=x", "not the name", nil},
		{"/net/x=1", "not the name", nil},
	}, func(value string) (string, error) { key, _, err := Sysctl(value); return key, err })

	private := func(namespace string) bool { return namespace != "network" }
	for _, key := range []string{"kernel.msgmax", "kernel.shm_rmid_forced", "fs.mqueue.msg_max", "kernel.domainname"} {
		if err := CheckSysctl(key, private); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	checkRefusals(t, []refusal{
		{"net.ipv4.ip_forward", "--network host", errs.ErrUnsupported},
		{"vm.swappiness", "machine's", errs.ErrUnsupported},
		{"kernel.core_pattern", "machine's", errs.ErrUnsupported},
		{"kernel.hostname", "--hostname", nil},
	}, func(value string) (string, error) { return value, CheckSysctl(value, private) })
}

func TestParseSecurityOpts(t *testing.T) {
	got, err := SecurityOpts([]string{
		"seccomp=/p.json", "no-new-privileges", "mask=/a:/b", "unmask=/proc/*", "unmask=all", "proc-opts=hidepid=2,gid=5",
		"label=disable", "apparmor=unconfined", "apparmor:unconfined",
	})
	want := spec.Security{
		Seccomp: "/p.json", NoNewPrivileges: true, Mask: []string{"/a", "/b"}, Unmask: []string{"/proc/*", "ALL"},
		ProcOptions: []string{"hidepid=2", "gid=5"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for value, want := range map[string]spec.Security{
		"no-new-privileges:true":  {NoNewPrivileges: true},
		"no-new-privileges=true":  {NoNewPrivileges: true},
		"no-new-privileges:false": {},
		"seccomp:unconfined":      {Seccomp: "unconfined"},
		"seccomp=unconfined":      {Seccomp: "unconfined"},
		"seccomp=default":         {},
	} {
		got, err := SecurityOpts([]string{value})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", value, err, diff)
		}
	}
	checkRefusals(t, []refusal{
		{"", "want seccomp=", nil},
		{"seccomp", "want seccomp=", nil},
		{"seccomp=", "want seccomp=", nil},
		{"no-new-privileges:perhaps", ":true or :false", nil},
		{"label=type:x", "label=disable", errs.ErrUnsupported},
		{"apparmor=docker-default", "apparmor=unconfined", errs.ErrUnsupported},
		{"mask=proc", "absolute", nil},
		{"unmask=/a:b", "absolute", nil},
		{"proc-opts=hidepid=9", "hidepid", nil},
		{"proc-opts=suid", "hidepid", nil},
		{"systempaths=unconfined", "unknown option", nil},
	}, func(value string) (spec.Security, error) { return SecurityOpts([]string{value}) })
}

func TestParseProcess(t *testing.T) {
	check(t, Entrypoint, []accepted[[]string]{
		{"", []string{}},
		{"/bin/sh", []string{"/bin/sh"}},
		{`["sh","-c"]`, []string{"sh", "-c"}},
		{"[]", []string{}},
		{"sh -c", []string{"sh -c"}},
	}, []refusal{{`["sh"`, "JSON", nil}, {"[1]", "JSON", nil}, {"[ -f x ]", "JSON", nil}, {"a\x00", "NUL", nil}})
	check(t, User, []accepted[string]{{"root", "root"}, {"0", "0"}, {"1000:1000", "1000:1000"}, {"www-data:adm", "www-data:adm"}},
		[]refusal{
			{"", "empty", nil},
			{":5", "empty", nil},
			{"a:", "group is empty", nil},
			{"a:b:c", "USER[:GROUP]", nil},
			{"-1", "not an id", nil},
			{"4294967295", "not an id", nil},
			{"a/b", "USER", nil},
			{"a\nb", "USER", nil},
		})
	check(t, Hostname, []accepted[string]{{"box", "box"}, {"a.b-c", "a.b-c"}, {"x_1", "x_1"}},
		[]refusal{{"", "1 to 64", nil}, {strings.Repeat("a", 65), "1 to 64", nil}, {"-a", "letters", nil}, {"a b", "letters", nil}, {"ä", "letters", nil}})
	check(t, Name, []accepted[string]{{"web-1", "web-1"}, {"a.b_c", "a.b_c"}},
		[]refusal{{"", "1 to 255", nil}, {"-x", "letters", nil}, {"a/b", "letters", nil}, {"..", "letters", nil}, {strings.Repeat("a", 256), "255", nil}})
	check(t, Workdir, []accepted[string]{{"/", "/"}, {"/a b", "/a b"}}, []refusal{{"", "absolute", nil}, {"x", "absolute", nil}})
	check(t, Timezone, []accepted[string]{{"local", "local"}, {"Europe/Paris", "Europe/Paris"}, {"UTC", "UTC"}},
		[]refusal{{"", "time zone", nil}, {"../../etc/passwd", "time zone", nil}, {"/etc", "time zone", nil}, {"a//b", "time zone", nil}})
	check(t, func(value string) ([]string, error) { return Attach(strings.Split(value, ",")) },
		[]accepted[[]string]{{"stdin,STDOUT,stdin", []string{"stdin", "stdout"}}}, []refusal{{"stdlog", "stdin, stdout or stderr", nil}})

	names, ids, keep, err := Groups([]string{"audio", "44"})
	if err != nil || keep || !cmp.Equal(names, []string{"audio"}) || !cmp.Equal(ids, []uint32{44}) {
		t.Errorf("groups: %v %v %v %v", names, ids, keep, err)
	}
	if _, _, keep, err := Groups([]string{"keep-groups"}); !keep || err != nil {
		t.Errorf("keep-groups: %v %v", keep, err)
	}
	for _, values := range [][]string{{"keep-groups", "5"}, {""}, {"a b"}, {"-1"}, {"4294967295"}} {
		if _, _, _, err := Groups(values); err == nil {
			t.Errorf("groups %q are taken", values)
		}
	}
}

func TestParseChoices(t *testing.T) {
	check(t, Pull, []accepted[string]{{"always", "always"}, {"newer", "newer"}, {"true", "missing"}, {"false", "never"}},
		[]refusal{{"", "always, missing, never or newer", nil}, {"sometimes", "always", nil}})
	check(t, Namespace, []accepted[string]{{"private", "private"}, {"host", "host"}, {"", "private"}},
		[]refusal{{"container:x", "not supported yet", errs.ErrUnsupported}, {"shared", "private or host", nil}})
	check(t, func(value string) (spec.Rootfs, error) { return Rootfs(value, "/home/u") }, []accepted[spec.Rootfs]{
		{"/", spec.Rootfs{Path: "/"}},
		{"/:O", spec.Rootfs{Path: "/", Overlay: true}},
		{"tree", spec.Rootfs{Path: "/home/u/tree"}},
		{"./tree/:O", spec.Rootfs{Path: "/home/u/tree", Overlay: true}},
	}, []refusal{
		{"", "PATH", nil},
		{":O", "PATH", nil},
		{"/x:ro", "unknown option", nil},
		{"/x:idmap", "for root", errs.ErrUnsupported},
		{"/x:idmap=uids=0-1-10", "for root", errs.ErrUnsupported},
	})
	check(t, Platform, []accepted[spec.Platform]{
		{"linux/arm64", spec.Platform{OS: "linux", Arch: "arm64"}},
		{"linux/arm/v7", spec.Platform{OS: "linux", Arch: "arm", Variant: "v7"}},
		{"arm64", spec.Platform{OS: "linux", Arch: "arm64"}},
		{"x86_64", spec.Platform{OS: "linux", Arch: "amd64"}},
		{"Linux/AArch64", spec.Platform{OS: "linux", Arch: "arm64"}},
		{"linux", spec.Platform{OS: "linux"}},
	}, []refusal{{"", "OS/ARCH", nil}, {"linux/", "OS/ARCH", nil}, {"a/b/c/d", "OS/ARCH", nil}, {"linux arm", "OS/ARCH", nil}})
}

// TestMeant: a slip of the finger is told from a word that nobody knows.
func TestMeant(t *testing.T) {
	if _, err := Restart("alwas:3"); err == nil || err.Error() != `"alwas:3": want no, on-failure[:N], always or unless-stopped; did you mean "always"?` {
		t.Errorf("%v", err)
	}
	if _, err := Pull("newr"); err == nil || err.Error() != `"newr": want always, missing, never or newer; did you mean "newer"?` {
		t.Errorf("%v", err)
	}
}
