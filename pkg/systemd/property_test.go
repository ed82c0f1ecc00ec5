package systemd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

type file struct{ name, value string }

func properties(files ...file) []Property {
	return Properties(func(yield func(string, string) bool) {
		for _, f := range files {
			if !yield(f.name, f.value) {
				return
			}
		}
	})
}

// shown is "Name signature value" for each property, as it goes over the bus.
func shown(list []Property) []string {
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprintf("%s %s %v", p.Name, dbus.SignatureOf(p.Value), p.Value))
	}
	return out
}

func TestProperties(t *testing.T) {
	const unlimited = "18446744073709551615"
	for _, tc := range []struct {
		files []file
		want  []string
	}{
		{nil, nil},
		{[]file{{"memory.max", "67108864"}}, []string{"MemoryMax t 335544320"}}, // and 256 MiB for the rest of the scope
		{[]file{{"memory.max", "18446744073709551000"}}, []string{"MemoryMax t " + unlimited}},
		{[]file{{"memory.swap.max", "0"}}, []string{"MemorySwapMax t 268435456"}},
		{[]file{{"memory.high", "max"}, {"memory.low", "5"}, {"memory.min", "6"}}, []string{"MemoryHigh t " + unlimited, "MemoryLow t 5", "MemoryMin t 6"}},
		{[]file{{"pids.max", "1"}}, []string{"TasksMax t 257"}},
		{[]file{{"pids.max", "max"}}, []string{"TasksMax t " + unlimited}},
		{[]file{{"cpu.weight", "39"}, {"io.weight", "default 50"}}, []string{"CPUWeight t 39", "IOWeight t 50"}},
		{[]file{{"io.weight", "8:0 50"}, {"io.bfq.weight", "50"}}, nil},
		{[]file{{"cpu.max", "150000 100000"}}, []string{"CPUQuotaPerSecUSec t 1500000", "CPUQuotaPeriodUSec t 100000"}},
		{[]file{{"cpu.max", "12345 100000"}}, []string{"CPUQuotaPerSecUSec t 130000", "CPUQuotaPeriodUSec t 100000"}},
		{[]file{{"cpu.max", "max 5000"}}, []string{"CPUQuotaPerSecUSec t " + unlimited, "CPUQuotaPeriodUSec t 5000"}},
		{[]file{{"cpu.max", "5000"}}, []string{"CPUQuotaPerSecUSec t 50000", "CPUQuotaPeriodUSec t 100000"}},
		{[]file{{"cpuset.cpus", "0,9"}, {"cpuset.mems", "1"}}, []string{"AllowedCPUs ay [1 2]", "AllowedMemoryNodes ay [2]"}},
		{
			[]file{{"io.max", "8:0 rbps=1000 wiops=max"}, {"io.max", "8:0 wbps=7"}, {"io.max", "8:16 rbps=2000"}, {"io.max", "8:0 riops=1"}, {"io.max", "8:0 wiops=2"}},
			[]string{
				"IOReadBandwidthMax a(st) [{/dev/block/8:0 1000} {/dev/block/8:16 2000}]",
				"IOWriteBandwidthMax a(st) [{/dev/block/8:0 7}]",
				"IOReadIOPSMax a(st) [{/dev/block/8:0 1}]",
				"IOWriteIOPSMax a(st) [{/dev/block/8:0 18446744073709551615} {/dev/block/8:0 2}]",
			},
		},
		// What is not a number is the kernel's to refuse; what systemd does not know is set in the cgroup only.
		{[]file{
			{"memory.max", "much"},
			{"cpu.max", "x 1"},
			{"cpu.max", "1 0"},
			{"cpuset.cpus", "x"},
			{"io.max", "8:0"},
			{"io.max", "../x rbps=1"},
			{"hugetlb.2MB.max", "1"},
			{"cpu.idle", "1"},
		}, nil},
	} {
		if diff := cmp.Diff(tc.want, shown(properties(tc.files...))); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.files, diff)
		}
	}
}

func TestScopeBase(t *testing.T) {
	s := Scope{Name: "rc-1.scope", Description: "d", PIDs: []int{7}, StopTimeout: 15 * time.Second}
	if diff := cmp.Diff([]string{
		"Description s d", "Slice s user.slice", "Delegate b true", "PIDs au [7]",
		"CollectMode s inactive-or-failed", "TimeoutStopUSec t 15000000",
	}, shown(s.base())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Property{"AllowedCPUs", []byte{5}}).String() + " " + (Property{"Delegate", true}).String(); got != "AllowedCPUs=[00000101] Delegate=true" {
		t.Error(got)
	}
}

func TestSlice(t *testing.T) {
	for in, want := range map[string]string{
		"work.slice":                        "work.slice",
		"a-b.slice":                         "a-b.slice",
		"-.slice":                           "-.slice",
		"/user.slice/user-1.slice/ci.slice": "ci.slice",
		"work":                              "",
		".slice":                            "",
		"":                                  "",
		"a--b.slice":                        "",
		"-a.slice":                          "",
		"a-.slice":                          "",
		"a b.slice":                         "",
		"x.service":                         "",
	} {
		got, err := Slice(in)
		if got != want || (want == "") != errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for in, want := range map[string][]string{
		"":                              nil,
		"unix:path=/run/user/1000/bus":  {"/run/user/1000/bus"},
		"unix:path=/run/a%20b,guid=abc": {"/run/a b"},
		"unix:abstract=/tmp/dbus-x,guid=1;unix:path=/x": {"@/tmp/dbus-x", "/x"},
		"unix:runtime=yes":                {"/rt/bus"},
		"tcp:host=localhost,port=1":       nil,
		"unixexec:path=/bin/sh":           nil,
		"autolaunch:":                     nil,
		"unix:path=relative;unix:path=%2": nil,
		"unix:path=;unix:path=%00":        nil,
	} {
		if diff := cmp.Diff(want, parseAddress(in, "/rt")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestSockets(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/5/bus")
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	if diff := cmp.Diff([]string{"/run/user/5/bus", "/run/user/7/bus"}, sockets(7)); diff != "" {
		t.Errorf("after su (-want +got):\n%s", diff)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", "")
	if diff := cmp.Diff([]string{"/run/user/0/bus", "/run/dbus/system_bus_socket"}, sockets(0)); diff != "" {
		t.Errorf("root (-want +got):\n%s", diff)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"unix:path=/run/user/1000/bus,guid=1", "unix:abstract=x;tcp:", "unix:path=%2f%zz", "unix:runtime=yes"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, s := range parseAddress(in, "/rt") {
			if s == "" || s[0] != '/' && s[0] != '@' {
				t.Errorf("%q: %q", in, s)
			}
		}
	})
}

func FuzzProperties(f *testing.F) {
	f.Add("cpu.max", "99999999999999999999 1")
	f.Add("io.max", "8:0 rbps=1 wbps=")
	f.Add("cpuset.cpus", "8191")
	f.Add("memory.max", "default 18446744073709551615")
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, p := range properties(file{name, value}) {
			if dbus.SignatureOf(p.Value).Empty() || p.Name == "" {
				t.Errorf("%q %q: %v", name, value, p)
			}
		}
	})
}
