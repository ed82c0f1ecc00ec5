package parse

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseEnv(t *testing.T) {
	host := []string{"HOME=/home/u", "LC_ALL=C", "LC_TIME=de_DE", "EMPTY="}
	parse := func(value string) ([]string, error) { return Env(value, host) }
	check(t, parse, []accepted[[]string]{
		{"A=1", []string{"A=1"}},
		{"A=", []string{"A="}},
		{"A==b c", []string{"A==b c"}},
		{"HOME", []string{"HOME=/home/u"}},
		{"EMPTY", []string{"EMPTY="}},
		{"NOT_THERE", nil},
		{"LC_*", []string{"LC_ALL=C", "LC_TIME=de_DE"}},
		{"*", host},
		{"LC_*=x", []string{"LC_*=x"}},
	}, []refusal{
		{"", "name is empty", nil},
		{"=1", "name is empty", nil},
		{"A B=1", "white space", nil},
		{"A=\x00", "NUL", nil},
	})
}

func TestParseEnvFile(t *testing.T) {
	text := "\ufeff# comment\nA=1\r\n\n   B=\"quoted # kept\"  \nHOME\nGONE\nLC_*\n#C=3\n"
	got, err := EnvFile(strings.NewReader(text), "env", []string{"HOME=/h", "LC_ALL=C"})
	want := []string{"A=1", `B="quoted # kept"  `, "HOME=/h", "LC_ALL=C"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for text, want := range map[string]string{
		"A=1\n=2\n":                            `env: line 2: "=2": the variable's name is empty`,
		"export A=1":                           `env: line 1: "export A=1": the variable's name "export A" has white space in it`,
		"A=1\nB=" + strings.Repeat("x", 2<<20): "env: bufio.Scanner: token too long",
	} {
		if _, err := EnvFile(strings.NewReader(text), "env", nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestParseLabels(t *testing.T) {
	labels := map[string]string{}
	if err := LabelFile(strings.NewReader("a=1\n# no\n b.c/d=x=y\nempty\n"), "labels", labels); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b.c/d": "x=y", "empty": ""}, labels); diff != "" {
		t.Error(diff)
	}
	if err := LabelFile(strings.NewReader("=1"), "labels", labels); err == nil || !strings.Contains(err.Error(), "labels: line 1") {
		t.Errorf("error %v", err)
	}
}

func FuzzParseEnvFile(f *testing.F) {
	f.Add("A=1\n#x\nHOME\nLC_*\n")
	f.Add("\ufeff\r\n=")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := EnvFile(strings.NewReader(text), "f", []string{"HOME=/h"})
		if err != nil {
			return
		}
		for _, entry := range entries {
			if i := strings.IndexByte(entry, '='); i < 1 || strings.ContainsAny(entry, "\x00\n") {
				t.Errorf("%q of %q", entry, text)
			}
		}
	})
}

// FuzzParseValues throws one string at every other parser: what is taken must hold what
// the rest of rc relies on.
func FuzzParseValues(f *testing.F) {
	for _, seed := range []string{"512m", "nofile=1:2", "net.ipv4.x=1", "seccomp=x", "[\"a\"]", "a:b", "0-3,7", "/dev/sda:1", "linux/arm/v7", "/x:O", "NET_RAW"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if n, err := Size(value); err == nil && n < 0 {
			t.Errorf("size %q: %d", value, n)
		}
		if limit, err := Ulimit(value); err == nil && limit.Soft > limit.Hard {
			t.Errorf("ulimit %q: %v", value, limit)
		}
		if n, err := CPUs(value); err == nil && n < 0 {
			t.Errorf("cpus %q: %d", value, n)
		}
		if key, _, err := Sysctl(value); err == nil && (key == "" || strings.Contains(key, "..")) {
			t.Errorf("sysctl %q: %q", value, key)
		}
		if name, err := Name(value); err == nil && strings.ContainsAny(name, "/\x00\n") {
			t.Errorf("name %q", value)
		}
		if zone, err := Timezone(value); err == nil && strings.Contains("/"+zone+"/", "/../") {
			t.Errorf("time zone %q", value)
		}
		if rootfs, err := Rootfs(value, "/"); err == nil && !strings.HasPrefix(rootfs.Path, "/") {
			t.Errorf("rootfs %q: %q", value, rootfs.Path)
		}
		if name, err := Capability(value); err == nil && name != spec.CapAll && !strings.HasPrefix(name, "CAP_") {
			t.Errorf("capability %q: %q", value, name)
		}
		_, _ = SecurityOpts([]string{value})
		_, _ = Entrypoint(value)
		_, _ = User(value)
		_, _, _, _ = Groups([]string{value})
		_, _ = Set(value)
		_, _ = ThrottleBytes(value)
		_, _ = ThrottleOps(value)
		_, _ = Platform(value)
		_, _ = Networks(strings.Split(value, " "))
		_, _ = Expose(value)
		_, _ = AddHost(value)
		_, _ = MAC(value)
		if rate, err := Rate(value); err == nil && rate.In == 0 && rate.Out == 0 {
			t.Errorf("rate %q: %v", value, rate)
		}
		if ports, err := Port(value); err == nil {
			checkPorts(t, value, ports)
		}
		_, _ = Hostname(value)
	})
}
