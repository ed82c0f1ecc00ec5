package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

func TestParseMountinfo(t *testing.T) {
	const hybrid = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw,nsdelegate
`
	for _, tc := range []struct {
		in   string
		want Hierarchy
		ok   bool
	}{
		{hybrid, Hierarchy{"/sys/fs/cgroup/unified", "/"}, true},
		{"41 31 0:38 /docker/abc /mnt/my\\040cg\\134 ro - cgroup2 c rw", Hierarchy{`/mnt/my cg\`, "/docker/abc"}, true},
		{"41 31 0:38 / /sys/fs/cgroup rw - tmpfs cgroup2 rw", Hierarchy{}, false},
		{"41 31 - cgroup2 c rw", Hierarchy{}, false},
		{"", Hierarchy{}, false},
	} {
		got, ok := parseMountinfo([]byte(tc.in))
		if got != tc.want || ok != tc.ok {
			t.Errorf("%q: %v, %v", tc.in, got, ok)
		}
	}
}

func TestParseProcCgroup(t *testing.T) {
	for in, want := range map[string]string{
		"0::/\n": "/",
		"9:name=systemd:/x\n0::/user.slice/a b.scope\n": "/user.slice/a b.scope",
		"0::/../../x\n":                "/../../x",
		"0::/gone.scope (deleted)\n":   "",
		"4:memory:/process_api/abc1\n": "",
		"0::\n":                        "",
	} {
		got, ok := parseProcCgroup([]byte(in))
		if !ok {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDir(t *testing.T) {
	whole := Hierarchy{"/sys/fs/cgroup", "/"}
	part := Hierarchy{"/sys/fs/cgroup", "/docker/abc"}
	for _, tc := range []struct {
		h        Hierarchy
		in, want string
	}{
		{whole, "/", "/sys/fs/cgroup"},
		{whole, "", "/sys/fs/cgroup"},
		{whole, "/a/b", "/sys/fs/cgroup/a/b"},
		{part, "/docker/abc/x", "/sys/fs/cgroup/x"},
		{part, "/docker/abc", "/sys/fs/cgroup"},
		{part, "/docker/abcd", ""},
		{part, "/", ""},
	} {
		got, err := tc.h.Dir(tc.in)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%v %q: %q, %v", tc.h, tc.in, got, err)
		}
	}
	if dir, ok := whole.dir("/../x"); ok {
		t.Errorf("outside of the namespace: %q", dir)
	}
}

func TestUnit(t *testing.T) {
	h := Hierarchy{"/cg", "/"}
	const manager = "/cg/user.slice/user-1.slice/user@1.service"
	for in, want := range map[string]string{
		manager + "/app.slice/term.scope":             manager + "/app.slice/term.scope",
		manager + "/app.slice/ci.service/supervisor":  manager + "/app.slice/ci.service",
		manager + "/app.slice/ci.service/a/b":         manager + "/app.slice/ci.service",
		"/cg/user.slice/user-1.slice/session-1.scope": "/cg/user.slice/user-1.slice/session-1.scope",
		"/cg":        "/cg",
		"/cg/mine/x": "/cg/mine/x",
	} {
		if got := h.Unit(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// fake makes a directory that looks like a cgroup to code that only reads.
func fake(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMissing(t *testing.T) {
	root := fake(t, t.TempDir(), map[string]string{"cgroup.controllers": "cpuset cpu io memory pids\n"})
	h := Hierarchy{root, "/"}
	manager := fake(t, filepath.Join(root, "user@1.service"), map[string]string{"cgroup.controllers": "cpu memory pids\n"})
	unit := fake(t, filepath.Join(manager, "ci.service"), map[string]string{"cgroup.controllers": "\n"})
	files := []File{
		{Name: "memory.max", Flags: "--memory"},
		{Name: "io.max", Flags: "--device-read-bps"},
		{Name: "io.max", Flags: "--device-read-bps"},
		{Name: "cpuset.cpus", Flags: "--cpuset-cpus"},
		{Name: "cgroup.max.depth"},
	}
	if err := h.Missing(files[:1], manager); err != nil {
		t.Errorf("a controller that is there: %v", err)
	}
	for _, tc := range []struct {
		files      []File
		place      string
		want, hint string
	}{
		{
			files, manager, "set --device-read-bps, --cpuset-cpus: cgroup controller io, cpuset is not delegated to you",
			`sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\nDelegate=cpu cpuset io memory pids\n' | ` +
				`sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload; then log out of all sessions and in again`,
		},
		{
			files[:1], unit, "set --memory: cgroup controller memory is not delegated to you",
			"set Delegate=yes in the [Service] or [Scope] section of ci.service",
		},
	} {
		err := h.Missing(tc.files, tc.place)
		if !errors.Is(err, errs.ErrUnsupported) {
			t.Fatalf("%v", err)
		}
		if diff := cmp.Diff([]string{tc.want, tc.hint}, []string{err.Error(), errs.PlainHint(err)}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestMissingInKernel(t *testing.T) {
	const table = "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t4\t14\t1\nblkio\t0\t1\t0\nhugetlb\t0\t1\t1\n"
	for _, tc := range []struct{ controller, want, hint string }{
		{
			"memory", "set --x: cgroup controller memory: this host has it in cgroup v1, which an ordinary user cannot use",
			"boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line",
		},
		{
			"io", "set --x: cgroup controller io: this kernel was booted without it",
			"boot with cgroup_enable=blkio on the kernel's command line",
		},
		{"rdma", "set --x: cgroup controller rdma: this kernel does not have it", ""},
	} {
		err := missingInKernel([]string{tc.controller}, []string{"--x"}, table)
		if diff := cmp.Diff([]string{tc.want, tc.hint}, []string{err.Error(), errs.PlainHint(err)}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestApply(t *testing.T) {
	weights := []File{
		{Name: "io.bfq.weight", Value: "1", Flags: "--w", Either: "w"},
		{Name: "io.weight", Value: "2", Flags: "--w", Either: "w"},
	}
	for _, tc := range []struct {
		name  string
		there []string
		files []File
		want  string
	}{
		{"written", []string{"pids.max"}, []File{{Name: "pids.max", Value: "5", Flags: "--p"}}, ""},
		{"absent", nil, []File{{Name: "pids.max", Flags: "--p"}}, "set --p: this kernel has no pids.max"},
		{"absent but optional", nil, []File{{Name: "memory.swap.max", Optional: true}}, ""},
		{"the first of two", []string{"io.bfq.weight"}, weights, ""},
		{"the second of two", []string{"io.weight"}, weights, ""},
		{"none of two", nil, weights, "set --w: this kernel has neither io.bfq.weight nor io.weight"},
	} {
		dir := t.TempDir()
		for _, f := range tc.there {
			fake(t, dir, map[string]string{f: ""})
		}
		text := ""
		if err := Apply(dir, tc.files); err != nil {
			text = err.Error()
		}
		if text != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, text, tc.want)
		}
		for _, f := range tc.files {
			data, err := os.ReadFile(filepath.Join(dir, f.Name))
			if err == nil && string(data) != f.Value {
				t.Errorf("%s: %s holds %q", tc.name, f.Name, data)
			}
		}
	}
}

func TestCheckCPUs(t *testing.T) {
	if err := CheckCPUs([]File{{Name: "cpuset.cpus", Value: "0"}, {Name: "cpuset.mems", Value: "0"}, {Name: "pids.max", Value: "x"}}); err != nil {
		t.Error(err)
	}
	err := CheckCPUs([]File{{Name: "cpuset.cpus", Value: "0,8190-8191", Flags: "--cpuset-cpus"}})
	if !errors.Is(err, errs.ErrInvalid) || !strings.HasPrefix(err.Error(), `--cpuset-cpus "0,8190-8191": [8190 8191] not there, this machine has 0`) {
		t.Error(err)
	}
}

func TestEnterable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	root := t.TempDir()
	for dir, mode := range map[string]os.FileMode{"": 0o444, "mine": 0o644, "mine/a": 0o644, "mine/b": 0o644, "session": 0o644} {
		fake(t, filepath.Join(root, dir), map[string]string{"cgroup.procs": ""})
		if err := os.Chmod(filepath.Join(root, dir, "cgroup.procs"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		from, to string
		want     bool
	}{
		{"/mine/a", "/mine/b", true},
		{"/mine", "/mine/b", true},
		{"/mine/a", "/mine/a", true},
		{"/session", "/mine/b", false}, // the common ancestor is not the user's
	} {
		if got := Enterable(root+tc.from, root+tc.to); got != tc.want {
			t.Errorf("%s → %s: %v", tc.from, tc.to, got)
		}
	}
}

func TestCounter(t *testing.T) {
	events := []byte("low 0\noom 2\noom_kill 1\noom_group_kill x\n")
	for key, want := range map[string]uint64{"oom_kill": 1, "oom": 2, "low": 0, "oom_group_kill": 0, "none": 0} {
		if got := counter(events, key); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
}

func FuzzParseMountinfo(f *testing.F) {
	f.Add([]byte("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"))
	f.Add([]byte("41 31 0:38 /a\\04 /b\\777 - cgroup2 c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, ok := parseMountinfo(data); ok && (h.Mount == "" || h.Root == "") {
			t.Errorf("%q: %v", data, h)
		}
	})
}

func FuzzParseProcCgroup(f *testing.F) {
	f.Add([]byte("1:cpu:/\n0::/x (deleted)\n"))
	f.Add([]byte("0::/../x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path, ok := parseProcCgroup(data)
		if !ok {
			return
		}
		h := Hierarchy{"/cg", "/"}
		if dir, ok := h.dir(path); ok && dir != "/cg" && !strings.HasPrefix(dir, "/cg/") {
			t.Errorf("%q leads to %q", data, dir)
		}
	})
}
