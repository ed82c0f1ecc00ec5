package seccomp

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write golden files")

// dockerCaps is docker's default bounding set.
var dockerCaps = strings.Fields(`CAP_CHOWN CAP_DAC_OVERRIDE CAP_FSETID CAP_FOWNER CAP_MKNOD
	CAP_NET_RAW CAP_SETGID CAP_SETUID CAP_SETFCAP CAP_SETPCAP CAP_NET_BIND_SERVICE
	CAP_SYS_CHROOT CAP_KILL CAP_AUDIT_WRITE`)

var allCaps = append(strings.Fields(`CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_PACCT
	CAP_SYS_PTRACE CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_SYS_NICE CAP_SYSLOG
	CAP_BPF CAP_PERFMON CAP_DAC_READ_SEARCH`), dockerCaps...)

func defaultProfile(t testing.TB) *Profile {
	t.Helper()
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// agree asks program and reference about every number of every ABI with the given
// arguments at every position.
func agree(t *testing.T, p *Profile, o Options, values []uint64) {
	t.Helper()
	prog, err := Compile(p, o)
	if err != nil {
		t.Fatal(err)
	}
	v := vm(t, prog)
	calls, verdicts := 0, map[Verdict]int{}
	ask := func(c call) {
		calls++
		got, want := run(t, v, c), reference(p, o, c)
		verdicts[got]++
		if got != want {
			t.Errorf("arch %#x call %d args %#x: program says %#x, profile says %#x", c.arch, c.nr, c.args, got, want)
		}
	}
	for _, a := range native(o.withDefaults().Arch) {
		conditional := p.conditional(a)
		for _, nr := range numbers(a) {
			ask(call{arch: a.audit, nr: nr})
			for i, x := range values {
				if !conditional[nr] && i%16 > 0 {
					continue
				}
				ask(call{arch: a.audit, nr: nr, args: [6]uint64{x, x, x, x, x, x}})
			}
		}
	}
	ask(call{arch: 0xc00000f3, nr: 1}) // riscv64
	t.Logf("%d instructions, %d calls, verdicts %v", len(prog)/8, calls, verdicts)
}

// TestDefaultAgrees checks every system call of every architecture of the default profile.
func TestDefaultAgrees(t *testing.T) {
	p := defaultProfile(t)
	for _, arch := range []string{"amd64", "arm64"} {
		for name, caps := range map[string][]string{"docker": dockerCaps, "all": allCaps, "none": nil} {
			for _, k := range []Kernel{{4, 4}, {6, 18}} {
				t.Run(fmt.Sprintf("%s/%s/%s", arch, name, k), func(t *testing.T) {
					agree(t, p, Options{Arch: arch, Caps: caps, Kernel: k}, interesting(p))
				})
			}
		}
	}
}

// TestDefaultVerdicts states facts about the default profile that users rely on.
func TestDefaultVerdicts(t *testing.T) {
	p := defaultProfile(t)
	eperm, enosys := Errno(uint16(unix.EPERM)), Errno(uint16(unix.ENOSYS))
	k := Kernel{6, 1}
	tests := []struct {
		name string
		caps []string
		call call
		want Verdict
	}{
		{"read", dockerCaps, call{auditAMD64, unix.SYS_READ, [6]uint64{}}, Allow},
		{"mount", dockerCaps, call{auditAMD64, unix.SYS_MOUNT, [6]uint64{}}, eperm},
		{"mount with CAP_SYS_ADMIN", allCaps, call{auditAMD64, unix.SYS_MOUNT, [6]uint64{}}, Allow},
		{"clone3 falls back to clone", dockerCaps, call{auditAMD64, unix.SYS_CLONE3, [6]uint64{}}, enosys},
		{"clone a thread", dockerCaps, call{auditAMD64, unix.SYS_CLONE, [6]uint64{unix.CLONE_VM}}, Allow},
		{"clone a user namespace", dockerCaps, call{auditAMD64, unix.SYS_CLONE, [6]uint64{unix.CLONE_NEWUSER}}, eperm},
		{"socket AF_INET", dockerCaps, call{auditAMD64, unix.SYS_SOCKET, [6]uint64{unix.AF_INET}}, Allow},
		{"socket AF_VSOCK", dockerCaps, call{auditAMD64, unix.SYS_SOCKET, [6]uint64{unix.AF_VSOCK}}, eperm},
		{"socket AF_ALG", dockerCaps, call{auditAMD64, unix.SYS_SOCKET, [6]uint64{unix.AF_ALG}}, eperm},
		{"personality any", dockerCaps, call{auditAMD64, unix.SYS_PERSONALITY, [6]uint64{0x40000}}, eperm},
		{"a call from the future", dockerCaps, call{auditAMD64, 900, [6]uint64{}}, enosys},
		{"i386 read", dockerCaps, call{audit386, 3, [6]uint64{}}, Allow},
		{"i386 mount", dockerCaps, call{audit386, 21, [6]uint64{}}, eperm},
		{"x32 read", dockerCaps, call{auditAMD64, x32Bit, [6]uint64{}}, Allow},
		{"x32 execve", dockerCaps, call{auditAMD64, x32Bit | 520, [6]uint64{}}, Allow},
		{"x32 mount", dockerCaps, call{auditAMD64, x32Bit | 165, [6]uint64{}}, eperm},
		{"another architecture", dockerCaps, call{auditARM64, 1, [6]uint64{}}, KillThread},
		{"skipped by a tracer", dockerCaps, call{auditAMD64, skipped, [6]uint64{}}, eperm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prog, err := Compile(p, Options{Arch: "amd64", Caps: tt.caps, Kernel: k})
			if err != nil {
				t.Fatal(err)
			}
			if got := run(t, vm(t, prog), tt.call); got != tt.want {
				t.Errorf("got %#x, want %#x", got, tt.want)
			}
		})
	}
}

// TestConditions compiles profiles with every operator, with values around 32 bits, and
// with several rules and conditions, and compares with the reference.
func TestConditions(t *testing.T) {
	values := []uint64{0, 1, 5, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 5, 0xdeadbeef_00000010, 1<<64 - 1}
	archMap := []ArchMap{
		{"SCMP_ARCH_X86_64", []string{"SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
		{"SCMP_ARCH_AARCH64", []string{"SCMP_ARCH_ARM"}},
	}
	profiles := map[string]*Profile{}
	for op := NotEqual; op <= MaskedEqual; op++ {
		p := &Profile{Default: Errno(1), ArchMap: archMap}
		names := strings.Fields("socket connect bind listen sendto recvfrom getsockopt shmat semop")
		for i, name := range names {
			p.Rules = append(p.Rules, Rule{Names: []string{name}, Verdict: Allow, Args: []Arg{{
				Index: i % 6, Op: op, Value: values[i%len(values)], ValueTwo: values[(i+3)%len(values)],
			}}})
		}
		profiles[opNames[op]] = p
		denial := &Profile{Default: Allow, ArchMap: archMap}
		for _, r := range p.Rules {
			r.Verdict = Errno(13)
			denial.Rules = append(denial.Rules, r)
		}
		profiles[opNames[op]+" denied"] = denial
	}
	profiles["several arguments"] = &Profile{Default: KillProcess, ArchMap: archMap, Rules: []Rule{
		{Names: []string{"ioctl"}, Verdict: Allow, Args: []Arg{{0, Equal, 1, 0}, {1, GreaterThan, 1 << 33, 0}, {2, NotEqual, 7, 0}}},
		{Names: []string{"ioctl"}, Verdict: Errno(5), Args: []Arg{{1, LessEqual, 1<<33 + 3, 0}}},
	}}
	profiles["one argument several times"] = &Profile{Default: Errno(1), ArchMap: archMap, Rules: []Rule{
		{Names: []string{"socket"}, Verdict: Allow, Args: []Arg{{0, Equal, 1, 0}, {0, Equal, 2, 0}, {1, Equal, 5, 0}}},
	}}
	profiles["unconditional wins"] = &Profile{Default: Errno(1), ArchMap: archMap, Rules: []Rule{
		{Names: []string{"socket"}, Verdict: Errno(5), Args: []Arg{{0, Equal, 1, 0}}},
		{Names: []string{"socket", "no_such_call"}, Verdict: Allow},
		{Names: []string{"socket"}, Verdict: KillProcess},
	}}
	profiles["exact before range"] = &Profile{Default: Errno(1), ArchMap: archMap, Rules: []Rule{
		{Names: []string{"socket"}, Verdict: Allow, Args: []Arg{{0, GreaterThan, 0, 0}}},
		{Names: []string{"socket"}, Verdict: Trap, Args: []Arg{{0, Equal, 5, 0}}},
	}}
	profiles["mask of nothing"] = &Profile{Default: Errno(1), ArchMap: archMap, Rules: []Rule{
		{Names: []string{"read", "write", "open", "close"}, Verdict: Allow, Args: []Arg{{0, MaskedEqual, 0, 0}}},
	}}
	profiles["native only"] = &Profile{Default: Log, Rules: []Rule{{Names: []string{"mkdir"}, Verdict: Trace(7)}}}
	profiles["flat list"] = &Profile{
		Default: Log, Architectures: []string{"SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"},
		Rules: []Rule{{Names: []string{"mkdir"}, Verdict: KillThread}},
	}
	profiles["arm's own"] = &Profile{Default: Errno(1), ArchMap: archMap, Rules: []Rule{
		{Names: []string{"cacheflush", "set_tls", "read"}, Verdict: Allow},
	}}
	for name, p := range profiles {
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(name+"/"+arch, func(t *testing.T) {
				agree(t, p, Options{Arch: arch, Kernel: Kernel{6, 1}}, interesting(p))
			})
		}
	}
}

// TestFarJumps compiles a profile whose search tree spans more than a conditional jump can
// reach: hundreds of calls with long lists of conditions.
func TestFarJumps(t *testing.T) {
	p := &Profile{Default: Errno(1)}
	for i, row := range table {
		if row.nr[colAMD64] < 0 || i%3 > 0 {
			continue
		}
		for j := range 4 {
			p.Rules = append(p.Rules, Rule{
				Names: []string{row.name}, Verdict: Errno(uint16(1 + i%100)),
				Args: []Arg{{j, GreaterEqual, uint64(i)<<30 + uint64(j), 0}},
			})
		}
	}
	agree(t, p, Options{Arch: "amd64", Kernel: Kernel{6, 1}}, []uint64{1, 5 << 30, 100<<30 + 2, 1 << 63})
}

func TestTooLarge(t *testing.T) {
	p := &Profile{Name: "big.json", Default: Errno(1)}
	for i := range 2000 {
		p.Rules = append(p.Rules, Rule{Names: []string{"ioctl"}, Verdict: Allow, Args: []Arg{{1, Equal, uint64(i), 0}}})
	}
	_, err := Compile(p, Options{Arch: "amd64"})
	if err == nil || !strings.Contains(err.Error(), "the kernel takes 4096") {
		t.Errorf("got %v", err)
	}
}

func TestUnsupportedArch(t *testing.T) {
	if _, err := Compile(defaultProfile(t), Options{Arch: "s390x"}); err == nil {
		t.Error("no error")
	}
}

// TestGolden notices when Compile makes other programs: then formatVersion must change,
// else users keep what an older rc cached.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, arch := range []string{"amd64", "arm64"} {
		prog, err := Compile(defaultProfile(t), Options{Arch: arch, Caps: dockerCaps, Kernel: Kernel{6, 1}})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(prog)
		fmt.Fprintf(&b, "%s %s %s %s\n", formatVersion, dataVersion, arch, hex.EncodeToString(sum[:]))
	}
	const file = "testdata/default.sum"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("the compiled default profile changed: count formatVersion up where dataVersion is the same, then -update\n%s", diff)
	}
}

func TestParseKernel(t *testing.T) {
	if k := runningKernel(); k.Major < 4 {
		t.Errorf("running kernel %v", k)
	}
	for _, s := range []string{"", "4", "4.x", "0.0", "-1.2", "4.8.1", "300.1"} {
		if k, err := parseKernel(s); err == nil {
			t.Errorf("%q: %v", s, k)
		}
	}
}

func BenchmarkCompileDefault(b *testing.B) {
	for b.Loop() {
		p := defaultProfile(b)
		if _, err := Compile(p, Options{Caps: dockerCaps}); err != nil {
			b.Fatal(err)
		}
	}
}
