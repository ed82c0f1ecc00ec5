package seccomp

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/profiles/seccomp"

	"github.com/rc-containers/rc/pkg/errs"
)

// TestParseDefault reads docker's default profile as JSON and gets what Default builds.
func TestParseDefault(t *testing.T) {
	data, err := json.MarshalIndent(moby.DefaultProfile(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("default", data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaultProfile(t), got); diff != "" {
		t.Error(diff)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, in string
		want     Profile
	}{
		{
			"docker", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
				{"names":["chmod","fchmod"],"action":"SCMP_ACT_ERRNO","args":[],"includes":{},"excludes":null},
				{"name":"mkdir","action":"SCMP_ACT_ERRNO","errnoRet":13},
				{"names":["ioctl"],"action":"SCMP_ACT_KILL","args":[
					{"index":1,"value":18446744073709551615,"op":"SCMP_CMP_EQ"},
					{"index":2,"value":240,"valueTwo":16,"op":"SCMP_CMP_MASKED_EQ"}]},
				{"names":["ptrace"],"action":"SCMP_ACT_TRACE","errnoRet":9,
				 "includes":{"caps":["CAP_SYS_PTRACE"],"arches":["amd64"],"minKernel":"4.8"}}]}`,
			Profile{Default: Allow, Rules: []Rule{
				{Names: []string{"chmod", "fchmod"}, Verdict: Errno(1)},
				{Names: []string{"mkdir"}, Verdict: Errno(13)},
				{Names: []string{"ioctl"}, Verdict: KillThread, Args: []Arg{{1, Equal, 1<<64 - 1, 0}, {2, MaskedEqual, 240, 16}}},
				{
					Names: []string{"ptrace"}, Verdict: Trace(9),
					Includes: Filter{Caps: []string{"CAP_SYS_PTRACE"}, Arches: []string{"amd64"}, MinKernel: Kernel{4, 8}},
				},
			}},
		},
		{
			"podman", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"defaultErrno":"ENOSYS","archMap":[
				{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}],
				"syscalls":[{"names":["bdflush"],"action":"SCMP_ACT_ERRNO","args":null,"comment":"","includes":{},
				"excludes":{},"errnoRet":1,"errno":"EPERM"},{"names":["read"],"action":"SCMP_ACT_ERRNO","errno":"EACCES"}]}`,
			Profile{
				Default: Errno(38),
				ArchMap: []ArchMap{{"SCMP_ARCH_X86_64", []string{"SCMP_ARCH_X86", "SCMP_ARCH_X32"}}},
				Rules:   []Rule{{Names: []string{"bdflush"}, Verdict: Errno(1)}, {Names: []string{"read"}, Verdict: Errno(13)}},
			},
		},
		{
			"actions", `{"_note":"hello","$schema":"x","defaultAction":"SCMP_ACT_LOG","architectures":["SCMP_ARCH_MIPS"],
				"flags":["SECCOMP_FILTER_FLAG_TSYNC"],"listenerPath":"","syscalls":[
				{"names":["a"],"action":"SCMP_ACT_KILL_PROCESS"},{"names":["b"],"action":"SCMP_ACT_KILL_THREAD"},
				{"names":["c"],"action":"SCMP_ACT_TRAP"},{"names":["d"],"action":"SCMP_ACT_LOG"}]}`,
			Profile{Default: Log, Architectures: []string{"SCMP_ARCH_MIPS"}, Rules: []Rule{
				{Names: []string{"a"}, Verdict: KillProcess},
				{Names: []string{"b"}, Verdict: KillThread},
				{Names: []string{"c"}, Verdict: Trap},
				{Names: []string{"d"}, Verdict: Log},
			}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse("", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	rule := func(s string) string {
		return "{\n\"defaultAction\": \"SCMP_ACT_ALLOW\",\n\"syscalls\": [\n" + s + "]}"
	}
	tests := []struct{ name, in, want string }{
		{"empty", "", "line 1: the file ends in the middle of a value"},
		{"cut", "{\n\"defaultAction\": \"SCMP_", "line 2: the file ends in the middle"},
		{"no JSON", "{\n\n;}", "line 3: invalid character ';'"},
		{"array", "[]", "line 1: want an object, have an array"},
		{"nothing", "{}", "defaultAction: missing"},
		{"two values", `{"defaultAction":"SCMP_ACT_ALLOW"} {}`, "something follows"},
		{"twice", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\n\"defaultAction\":\"SCMP_ACT_KILL\"}", "line 2: defaultAction: given twice"},
		{"unknown field", "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\n\"syscals\":[]}", "line 2: syscals: unknown field"},
		{"unknown action", `{"defaultAction":"SCMP_ACT_DENY"}`, `defaultAction: unknown action "SCMP_ACT_DENY": want SCMP_ACT_ALLOW`},
		{"number for action", `{"defaultAction":1}`, "defaultAction: want a string, have a number"},
		{"errno too large", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":5000}`, "error number 5000: want 0 to 4095"},
		{"both architectures", `{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}`, "use one of the two"},
		{"architecture", `{"defaultAction":"SCMP_ACT_ALLOW","architectures":["amd64"]}`, `architectures[0]: unknown architecture "amd64"`},
		{"flag", `{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]}`, "flags[0]: \"SECCOMP_FILTER_FLAG_SPEC_ALLOW\" is not supported"},
		{"listener", `{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/agent"}`, "listenerPath: not supported"},
		{"notify", rule(`{"names":["mknod"],"action":"SCMP_ACT_NOTIFY"}`), "line 4: syscalls[0].action: SCMP_ACT_NOTIFY is not supported"},
		{"no names", rule(`{"action":"SCMP_ACT_KILL"}`), "syscalls[0]: names: missing"},
		{"no action", rule(`{"names":["read"]}`), "syscalls[0]: action: missing"},
		{"name and names", rule(`{"name":"a","names":["read"],"action":"SCMP_ACT_KILL"}`), "syscalls[0].name: given together with names"},
		{"arg for args", rule(`{"names":["read"],"action":"SCMP_ACT_KILL","arg":[]}`), "syscalls[0].arg: unknown field"},
		{"index", rule(`{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}`), "syscalls[0].args[0].index: 6: a system call has arguments 0 to 5"},
		{"operator", rule("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,\n\"value\":1,\"op\":\"==\"}]}"), `line 5: syscalls[0].args[0].op: unknown operator "==": want one of SCMP_CMP_NE`},
		{"negative", rule(`{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}]}`), "value: -1: want a whole number from 0 to 18446744073709551615"},
		{"fraction", rule(`{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":1e3,"op":"SCMP_CMP_EQ"}]}`), "value: 1e3: want a whole number"},
		{"no value", rule(`{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":0,"op":"SCMP_CMP_EQ"}]}`), "syscalls[0].args[0]: want index, value and op"},
		{"kernel", rule(`{"names":["read"],"action":"SCMP_ACT_KILL","includes":{"minKernel":"4"}}`), `includes.minKernel: kernel version "4": want MAJOR.MINOR`},
		{"errno name", rule(`{"names":["read"],"action":"SCMP_ACT_ERRNO","errno":"EFOO"}`), `errno: unknown error name "EFOO"`},
		{"errnos differ", rule(`{"names":["read"],"action":"SCMP_ACT_ERRNO","errno":"EPERM","errnoRet":2}`), `"EPERM" is error number 1, but the number beside it is 2`},
		{"deep", strings.Repeat("[", 100), "nested too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "p.json")
			if err := os.WriteFile(path, []byte(tt.in), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "seccomp profile "+path+": line ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("not ErrInvalid: %v", err)
			}
		})
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load("/no/such.json"); !errors.Is(err, errs.ErrNotFound) {
		t.Error(err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("a directory was read")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"defaultAction":"SCMP_ACT_ALLOW"}`,
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrno":"EPERM","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X32"]}],"syscalls":[{"names":["socket","ioctl"],"action":"SCMP_ACT_LOG","args":[{"index":0,"value":1,"valueTwo":2,"op":"SCMP_CMP_MASKED_EQ"}],"excludes":{"caps":["CAP_BPF"],"minKernel":"4.8"}}]}`,
		`[[[`, `{"a":null}`, `{"syscalls":[{"name":"x"}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("fuzz", data)
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), "seccomp profile fuzz: line ") {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		for _, arch := range []string{"amd64", "arm64"} {
			prog, err := Compile(p, Options{Arch: arch, Kernel: Kernel{6, 1}})
			if err == nil {
				run(t, vm(t, prog), call{arch: auditAMD64, nr: 1})
			}
		}
	})
}

// FuzzCompile makes rules out of random bytes and compares program and reference.
func FuzzCompile(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"), uint64(1))
	f.Add([]byte(strings.Repeat("\x29\x10\x03\x44\x05\x26\x27\xff", 8)), uint64(1<<32))
	f.Fuzz(func(t *testing.T, data []byte, x uint64) {
		if len(data) < 2 || len(data) > 66 {
			return
		}
		verdicts := []Verdict{Allow, Errno(1), Errno(38), Log, KillProcess, Trap}
		values := []uint64{0, 1, 2, 1 << 31, 1<<32 - 1, 1 << 32, 1<<63 + 7, x, x + 1, x << 32}
		p := &Profile{
			Default: verdicts[int(data[0])%len(verdicts)],
			ArchMap: []ArchMap{
				{"SCMP_ARCH_X86_64", []string{"SCMP_ARCH_X86", "SCMP_ARCH_X32"}[:data[1]%3]},
				{"SCMP_ARCH_AARCH64", []string{"SCMP_ARCH_ARM"}[:data[1]%2]},
			},
		}
		data = data[2:]
		names := []string{"read", "socket", "ioctl", "shmat", "cacheflush", "clone", "bind", "socketcall", "preadv2", "mseal"}
		for len(data) >= 8 {
			d := data[:8]
			data = data[8:]
			r := Rule{
				Names:   []string{names[int(d[0])%len(names)], table[(int(d[0])*256+int(d[1]))%len(table)].name},
				Verdict: verdicts[int(d[2])%len(verdicts)],
			}
			for i := range int(d[3]) % 4 {
				b := int(d[4+i])
				r.Args = append(r.Args, Arg{b % 3, Op(1 + b/3%7), values[b%len(values)], values[b/7%len(values)]})
			}
			p.Rules = append(p.Rules, r)
		}
		for _, arch := range []string{"amd64", "arm64"} {
			o := Options{Arch: arch, Kernel: Kernel{6, 1}}
			prog, err := Compile(p, o)
			if err != nil {
				t.Fatal(err)
			}
			v := vm(t, prog)
			for _, a := range native(arch) {
				nrs := []uint32{0, 102, 117, 423, 424, 500, x32Bit, x32Bit + 600, skipped, uint32(x)}
				for _, r := range p.Rules {
					for _, n := range r.Names {
						if nr, ok := number(n, a.column); ok {
							nrs = append(nrs, nr, nr+1)
						}
					}
				}
				slices.Sort(nrs)
				for _, nr := range slices.Compact(nrs) {
					for i, val := range values {
						c := call{arch: a.audit, nr: nr, args: [6]uint64{val, values[(i+1)%len(values)], x}}
						if got, want := run(t, v, c), reference(p, o, c); got != want {
							t.Fatalf("arch %#x call %d args %#x: program %#x, profile %#x\n%+v", c.arch, c.nr, c.args, got, want, p)
						}
					}
				}
			}
		}
	})
}

// Load is what a profile is read by.
func Load(path string) (*Profile, error) {
	data, err := readProfile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}
