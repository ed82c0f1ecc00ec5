package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
)

// machine is a host below a temporary directory; set changes its environment.
func machine(t *testing.T, set map[string]string) (h host, dir string) {
	t.Helper()
	dir = t.TempDir()
	env := map[string]string{"HOME": dir + "/home"}
	for key, value := range set {
		env[key] = strings.ReplaceAll(value, "@", dir)
	}
	for _, name := range []string{"home", "etc", "share", "run", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return host{
		getenv: func(key string) string { return env[key] }, uid: os.Getuid(),
		etc: dir + "/etc", share: dir + "/share", runUser: dir + "/run", tmp: dir + "/tmp",
	}, dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoadDefaults(t *testing.T) {
	h, dir := machine(t, nil)
	got, err := load(Flags{}, h)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		DataRoot: dir + "/home/.local/share/rc", RunRoot: h.tmp + "/rc-run-" + uid() + "/rc", TmpDir: "/var/tmp",
		StorageDriver: "overlay", MountProgram: "auto", CgroupManager: "systemd", LogLevel: "warn",
		CDISpecDirs: []string{dir + "/home/.config/cdi"}, HooksDirs: []string{h.share + "/oci/hooks.d", h.etc + "/oci/hooks.d"},
		MountsFiles: []string{dir + "/home/.config/containers/mounts.conf", h.etc + "/mounts.conf", h.share + "/mounts.conf"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.StorageRoot() != want.DataRoot+"/storage" || got.StorageRunRoot() != want.RunRoot+"/storage" || got.IndexPath() != want.DataRoot+"/index.json" {
		t.Errorf("%s %s %s", got.StorageRoot(), got.StorageRunRoot(), got.IndexPath())
	}
}

func TestLoadFlagsWin(t *testing.T) {
	h, dir := machine(t, map[string]string{"XDG_DATA_HOME": "@/data", "TMPDIR": "@/tmp2", "XDG_RUNTIME_DIR": "@/run"})
	write(t, h.etc+"/containers.conf", "[engine]\ncgroup_manager = \"cgroupfs\"\n")
	write(t, h.etc+"/storage.conf", "[storage.options.overlay]\nmount_program = \"/usr/bin/fuse-overlayfs\"\n")
	got, err := load(Flags{}, h)
	if err != nil {
		t.Fatal(err)
	}
	if got.DataRoot != dir+"/data/rc" || got.RunRoot != dir+"/run/rc" || got.TmpDir != dir+"/tmp2" ||
		got.CgroupManager != "cgroupfs" || got.MountProgram != "fuse-overlayfs" {
		t.Errorf("%+v", got)
	}
	got, err = load(Flags{
		Root: dir + "/r", RunRoot: dir + "/rr", TmpDir: dir + "/t", StorageDriver: "overlay",
		StorageOpts: []string{"mount_program=native", "overlay.mount_program=auto"}, CgroupManager: "systemd", LogLevel: "INFO",
	}, h)
	if err != nil {
		t.Fatal(err)
	}
	if got.DataRoot != dir+"/r" || got.RunRoot != dir+"/rr" || got.TmpDir != dir+"/t" || got.CgroupManager != "systemd" ||
		got.MountProgram != "auto" || got.LogLevel != "info" {
		t.Errorf("%+v", got)
	}
	t.Chdir(dir)
	got, err = load(Flags{Root: "rel", RunRoot: "./rel2", TmpDir: "../x", Debug: true, LogLevel: "error"}, h)
	if err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if got.DataRoot != cwd+"/rel" || got.RunRoot != cwd+"/rel2" || got.TmpDir != filepath.Dir(cwd)+"/x" || got.LogLevel != "debug" {
		t.Errorf("%+v", got)
	}
}

func TestSpecDirs(t *testing.T) {
	h, dir := machine(t, map[string]string{"XDG_RUNTIME_DIR": "@/run", "XDG_CONFIG_HOME": "@/cfg"})
	h.cdi = []string{"/etc/cdi"}
	got, err := load(Flags{}, h)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/etc/cdi", dir + "/cfg/cdi", dir + "/run/cdi"}; !slices.Equal(got.CDISpecDirs, want) {
		t.Errorf("%q, want %q", got.CDISpecDirs, want)
	}
	if want := []string{h.share + "/oci/hooks.d", h.etc + "/oci/hooks.d"}; !slices.Equal(got.HooksDirs, want) {
		t.Errorf("%q, want %q", got.HooksDirs, want)
	}
	write(t, h.etc+"/containers.conf", "[engine]\ncdi_spec_dirs = [\"/c\"]\nhooks_dir = [\"/h\"]\n")
	if got, err = load(Flags{}, h); err != nil || !slices.Equal(got.CDISpecDirs, []string{"/c"}) || !slices.Equal(got.HooksDirs, []string{"/h"}) {
		t.Errorf("%q, %q, %v", got.CDISpecDirs, got.HooksDirs, err)
	}
	got, err = load(Flags{CDISpecDirs: []string{dir}, HooksDirs: []string{dir, "/"}}, h)
	if err != nil || !slices.Equal(got.CDISpecDirs, []string{dir}) || !slices.Equal(got.HooksDirs, []string{dir, "/"}) {
		t.Errorf("%q, %q, %v", got.CDISpecDirs, got.HooksDirs, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, test := range []struct {
		flags Flags
		file  string // etc/containers.conf or etc/storage.conf
		text  string
		want  string
	}{
		{flags: Flags{StorageDriver: "vfs"}, want: `--storage-driver "vfs": overlay is the only one`},
		{flags: Flags{StorageOpts: []string{"size=1"}}, want: `--storage-opt "size=1": unknown option`},
		{flags: Flags{StorageOpts: []string{"mount_program"}}, want: `--storage-opt "mount_program": want`},
		{flags: Flags{StorageOpts: []string{"mount_program=fuse"}}, want: `--storage-opt "mount_program=fuse": want`},
		{flags: Flags{CgroupManager: "x"}, want: `--cgroup-manager "x": want systemd or cgroupfs`},
		{flags: Flags{LogLevel: "x"}, want: `--log-level "x": want trace, debug`},
		{flags: Flags{CDISpecDirs: []string{"/nothere"}}, want: `--cdi-spec-dir "/nothere": not a directory`},
		{flags: Flags{HooksDirs: []string{"/dev/null"}}, want: `--hooks-dir "/dev/null": not a directory`},
		{file: "containers.conf", text: "[engine\n", want: "containers.conf: line 2: "},
		{file: "containers.conf", text: "# one\n# two\n[engine]\ncgroup_manager = systemd\n", want: "containers.conf: line 4: "},
		{file: "containers.conf", text: "[containers]\npids_limit = \"many\"\n", want: "pids_limit"},
		{file: "containers.conf", text: "[containers]\nenv = \"A=1\"\n", want: "want an array of strings"},
		{file: "containers.conf", text: "[containers]\nenv = [\"A=1\", {append=1}]\n", want: "{append=true}"},
		{file: "containers.conf", text: "[engine]\ncgroup_manager = \"none\"\n", want: `--cgroup-manager "none"`},
		{file: "storage.conf", text: "[storage.options]\nmount_program = \"fuse\"\n", want: `mount_program = "fuse": want the absolute path`},
	} {
		h, _ := machine(t, nil)
		if test.file != "" {
			write(t, h.etc+"/"+test.file, test.text)
		}
		_, err := load(test.flags, h)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v %q: error %v, want %s", test.flags, test.text, err, test.want)
		}
	}
}

func TestContainersConf(t *testing.T) {
	h, dir := machine(t, map[string]string{"XDG_CONFIG_HOME": "@/cfg"})
	write(t, h.share+"/containers.conf", `
# a comment, and below it every kind of key
[containers]
default_capabilities = ["CHOWN"]
default_ulimits = ["nofile=1:2"]
default_sysctls = [ "net.ipv4.ping_group_range=0 0", ]
env = ["A=1"]
volumes = ["/a:/a"]
pids_limit = 5
tz = "local"
init = true
unknown_key = "is ignored"
[unknown]
x = 1
[network]
default_rootless_network_cmd = "pasta"
default_network = "n"
default_subnet = "10.1.0.0/16"
default_subnet_pools = [{"base" = "10.2.0.0/16", "size" = 24}]
`)
	write(t, h.etc+"/containers.conf", "[containers]\nenv = [\"B=2\", {append=true}]\npids_limit = 6\nhttp_proxy = false\n")
	write(t, h.etc+"/containers.conf.d/10-a.conf", "[containers]\numask = \"0077\"\nvolumes = []\n")
	write(t, h.etc+"/containers.conf.d/20-b.conf", "[containers]\numask = \"0027\"\n")
	write(t, h.etc+"/containers.conf.d/README", "not TOML")
	write(t, dir+"/cfg/containers/containers.conf", "[containers]\nlog_driver = \"none\"\nlog_size_max = 5\nlog_tag = \"t\"\n[engine]\npull_policy = \"newer\"\nstop_timeout = 3\ndetach_keys = \"\"\n")
	write(t, dir+"/cfg/containers/containers.conf.d/z.conf", "[containers]\noom_score_adj = -5\n")
	got, err := load(Flags{}, h)
	if err != nil {
		t.Fatal(err)
	}
	want := Containers{
		Capabilities: []string{"CHOWN"}, Ulimits: []string{"nofile=1:2"}, Sysctls: []string{"net.ipv4.ping_group_range=0 0"},
		Env: []string{"A=1", "B=2"}, PIDsLimit: new(int64(6)), TZ: "local", Init: true, HTTPProxy: new(false), Umask: "0027",
		PullPolicy: "newer", StopTimeout: new(uint(3)), LogDriver: "none", LogSizeMax: 5, LogTag: "t", DetachKeys: new(""), OOMScoreAdj: new(-5), NetworkCommand: "pasta",
		DefaultNetwork: "n", DefaultSubnet: "10.1.0.0/16", SubnetPools: []SubnetPool{{"10.2.0.0/16", 24}},
	}
	if diff := cmp.Diff(want, got.Containers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got.Files) != 6 {
		t.Errorf("read %q", got.Files)
	}

	write(t, dir+"/only.conf", "[containers]\nenv = [\"C=3\"]\n")
	write(t, dir+"/over.conf", "[containers]\nenv = [\"D=4\", {append=true}]\n")
	h, _ = machine(t, map[string]string{"CONTAINERS_CONF": dir + "/only.conf", "CONTAINERS_CONF_OVERRIDE": dir + "/over.conf"})
	write(t, h.etc+"/containers.conf", "[containers]\ninit = true\n")
	if got, err = load(Flags{}, h); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Containers{Env: []string{"C=3", "D=4"}}, got.Containers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestModules: the user's file of a name counts, the modules come after the other files in their order.
func TestModules(t *testing.T) {
	h, dir := machine(t, nil)
	home := dir + "/home/.config/containers"
	write(t, home+"/containers.conf", "[containers]\nenv = [\"A=1\"]\ninit = true\n")
	write(t, h.etc+"/containers.conf.modules/one.conf", "[containers]\nenv = [\"B=2\"]\n")
	write(t, h.share+"/containers.conf.modules/one.conf", "[containers]\nenv = [\"never=read\"]\n")
	write(t, h.share+"/containers.conf.modules/sub/two.conf", "[containers]\nenv = [\"C=3\", {append=true}]\n")
	write(t, dir+"/three.conf", "[containers]\ntz = \"UTC\"\n")
	got, err := load(Flags{Modules: []string{"one.conf", "sub/two.conf", dir + "/three.conf"}}, h)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Containers{Env: []string{"B=2", "C=3"}, Init: true, TZ: "UTC"}, got.Containers); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range []string{"missing.conf", dir + "/missing.conf", dir} {
		if _, err := load(Flags{Modules: []string{name}}, h); !errors.Is(err, errs.ErrNotFound) || !strings.Contains(err.Error(), "--module") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStorageConf(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "auto",
		"[storage]\ndriver = \"vfs\"\n": "auto",
		"[storage.options]\nmount_program = \"/usr/bin/fuse-overlayfs\"\n":     "fuse-overlayfs",
		"[storage.options.overlay]\nmount_program = \"/opt/fuse-overlayfs\"\n": "/opt/fuse-overlayfs",
	} {
		h, dir := machine(t, nil)
		write(t, dir+"/home/.config/containers/storage.conf", text)
		write(t, h.etc+"/storage.conf", "[storage.options]\nmount_program = \"/never/read\"\n")
		got, err := load(Flags{}, h)
		if err != nil || got.MountProgram != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestRuntimeDir(t *testing.T) {
	me := uid()
	mkdir := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		set     string
		prepare func(t *testing.T, dir string)
		want    string // @ is the machine's
		failure string
		hint    string
	}{
		"set":             {set: "@/run", want: "@/run"},
		"session":         {prepare: func(t *testing.T, dir string) { mkdir(t, dir+"/run/"+me, 0o700) }, want: "@/run/" + me},
		"none":            {want: "@/tmp/rc-run-" + me},
		"made before":     {prepare: func(t *testing.T, dir string) { mkdir(t, dir+"/tmp/rc-run-"+me, 0o700) }, want: "@/tmp/rc-run-" + me},
		"open to others":  {prepare: func(t *testing.T, dir string) { mkdir(t, dir+"/tmp/rc-run-"+me, 0o755) }, failure: "mode is 0755, want 0700", hint: "chmod 700 "},
		"a link":          {prepare: func(t *testing.T, dir string) { must(t, os.Symlink("/tmp", dir+"/tmp/rc-run-"+me)) }, failure: "not a directory", hint: "XDG_RUNTIME_DIR"},
		"missing":         {set: "@/gone", failure: "no such file or directory", hint: "unset XDG_RUNTIME_DIR"},
		"missing, better": {set: "@/gone", prepare: func(t *testing.T, dir string) { mkdir(t, dir+"/run/"+me, 0o700) }, failure: "no such file", hint: "export XDG_RUNTIME_DIR=@/run/" + me},
		"not a directory": {set: "/dev/null", failure: "not a directory", hint: "unset XDG_RUNTIME_DIR"},
		"relative":        {set: ".", failure: "want an absolute path", hint: "unset XDG_RUNTIME_DIR"},
	} {
		t.Run(name, func(t *testing.T) {
			h, dir := machine(t, map[string]string{"XDG_RUNTIME_DIR": test.set})
			if test.prepare != nil {
				test.prepare(t, dir)
			}
			got, err := h.runtimeDir()
			replace := strings.NewReplacer("@", dir)
			if test.failure == "" {
				if err != nil || got != replace.Replace(test.want) {
					t.Errorf("%q, %v, want %q", got, err, replace.Replace(test.want))
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.failure) || !strings.Contains(errs.Hint(err), replace.Replace(test.hint)) {
				t.Errorf("%q, %v (hint %q), want %q (hint %q)", got, err, errs.Hint(err), test.failure, test.hint)
			}
		})
	}

	h, dir := machine(t, map[string]string{"XDG_RUNTIME_DIR": "@/run"})
	h.uid++ // somebody else's
	if _, err := h.runtimeDir(); err == nil || !strings.Contains(err.Error(), "it belongs to uid "+me) {
		t.Errorf("%s of another user: %v", dir, err)
	}
}

func TestHome(t *testing.T) {
	h, _ := machine(t, map[string]string{"HOME": ""})
	if home, err := h.home(); err != nil || !filepath.IsAbs(home) {
		t.Errorf("%q, %v: passwd(5) has the home of uid %d", home, err, h.uid)
	}
	h.uid = 1<<31 - 7
	if _, err := h.home(); !errors.Is(err, errs.ErrNotFound) || errs.Hint(err) != "set HOME" {
		t.Errorf("nobody's home: %v", err)
	}
	if _, err := load(Flags{}, h); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("without a home: %v", err)
	}
	if cfg, err := load(Flags{Root: "/r", RunRoot: "/rr"}, h); err != nil || cfg.DataRoot != "/r" {
		t.Errorf("without a home, with --root: %v", err)
	}
}

func TestWithoutComments(t *testing.T) {
	for text, want := range map[string]string{
		"# a\n  # b\n\n":               "",
		"":                             "",
		"# a\n[x]\ny = 1 # c\n":        "\n[x]\ny = 1 # c\n",
		"x = \"\"\"\n# kept\n\"\"\"\n": "x = \"\"\"\n# kept\n\"\"\"\n",
		"x = '''\n# kept\n'''\n":       "x = '''\n# kept\n'''\n",
	} {
		if got := string(withoutComments([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestSearchRegistries(t *testing.T) {
	h, dir := machine(t, nil)
	if got := searchRegistries(h); !cmp.Equal(got, []string{"docker.io"}) {
		t.Errorf("without files: %q", got)
	}
	write(t, h.etc+"/registries.conf", "unqualified-search-registries = [\"a.example\"]\n")
	write(t, h.etc+"/registries.conf.d/x.conf", "[[registry]]\nlocation = \"b.example\"\n")
	if got := searchRegistries(h); !cmp.Equal(got, []string{"a.example"}) {
		t.Errorf("of the machine: %q", got)
	}
	write(t, dir+"/home/.config/containers/registries.conf", "unqualified-search-registries = []\n")
	if got := searchRegistries(h); len(got) != 0 {
		t.Errorf("of the user: %q", got)
	}
}

// FuzzDecode holds that leaving comments out changes nothing that a file says.
func FuzzDecode(f *testing.F) {
	f.Add("[containers]\n# x\nenv = [\"A=1\"] # y\n")
	f.Add("[engine]\ncgroup_manager = '''\n# z'''\n")
	f.Add("x = [\n# a\n1]\n")
	f.Fuzz(func(t *testing.T, text string) {
		var plain, stripped containersConf
		plainErr := decodeText([]byte(text), &plain)
		strippedErr := decodeText(withoutComments([]byte(text)), &stripped)
		if plainErr == nil && (strippedErr != nil || !cmp.Equal(plain, stripped)) {
			t.Errorf("%q: %v, %v", text, strippedErr, cmp.Diff(plain, stripped))
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uid() string {
	return strings.TrimPrefix(filepath.Base(host{uid: os.Getuid(), runUser: "/x"}.session()), "/")
}
