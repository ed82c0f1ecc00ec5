package create

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec"
)

var update = flag.Bool("update", false, "write the golden files")

var errMissing = errors.New("no such file or directory")

// testEnvironment is a machine that has everything but what is called missing.
func testEnvironment(cfg config.Config) Environment {
	if cfg.MountProgram == "" {
		cfg.MountProgram = "auto"
	}
	if cfg.CgroupManager == "" {
		cfg.CgroupManager = "systemd"
	}
	return Environment{
		Config: &cfg, ID: strings.Repeat("0123456789abcdef", 4), Name: "focused_curie",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Dir:     "/data/containers/ID", RunDir: "/run/user/1000/rc/containers/ID",
		Hostname: "laptop", Network: "slirp4netns", PublishNetwork: "pasta",
		Rlimits: []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Soft: 1024, Hard: 524288},
			{Type: "RLIMIT_NPROC", Soft: 5000, Hard: 5000},
			{Type: "RLIMIT_CORE", Soft: 0, Hard: spec.Unlimited},
		},
		HostDevices: []string{"/dev/fuse", "/dev/null", "/dev/snd/timer"},
		DeviceNumber: func(path string) (int64, int64, error) {
			if strings.Contains(path, "missing") {
				return 0, 0, errMissing
			}
			return 8, 16, nil
		},
		Secret: func(name string) (*secret.Secret, error) {
			if strings.Contains(name, "missing") {
				return nil, errs.ErrNotFound
			}
			return &secret.Secret{Name: name, ID: "0123456789"}, nil
		},
		Exists: func(path string) error {
			if strings.Contains(path, "missing") {
				return errMissing
			}
			return nil
		},
	}
}

func testImage() Image {
	return Image{
		Image: spec.Image{ID: strings.Repeat("a", 64), Name: "docker.io/library/app:1", Digest: "sha256:" + strings.Repeat("b", 64)},
		Config: index.ImageConfig{
			User: "app:staff", Env: []string{"PATH=/app/bin:/bin", "LEVEL=image"},
			Entrypoint: []string{"/app/start"}, Cmd: []string{"--serve"}, WorkingDir: "/app",
			Volumes: map[string]struct{}{"/var/lib/app": {}, "/cache/": {}},
			Labels:  map[string]string{"vendor": "example", "tier": "image"}, StopSignal: "SIGINT",
		},
		Rootfs: spec.Rootfs{Lower: []string{"/data/storage/overlay/b/diff", "/data/storage/overlay/a/diff"}},
	}
}

func TestContainer(t *testing.T) {
	plain := Image{
		Image:  spec.Image{ID: strings.Repeat("c", 64), Name: "docker.io/library/alpine:latest"},
		Config: index.ImageConfig{Cmd: []string{"/bin/sh"}}, Rootfs: spec.Rootfs{Lower: []string{"/l"}},
	}
	for name, test := range map[string]struct {
		opts  Options
		image Image
		cfg   config.Config
	}{
		"plain": {image: plain},
		"image": {image: testImage()},
		"process": {image: testImage(), opts: Options{
			Args: []string{"-x"}, Entrypoint: []string{"sh", "-c"}, Workdir: "/w", User: "1000:50", GroupAdd: []string{"audio", "7"},
			Umask: new(uint32(0o77)), TTY: true, Stdin: true, SigProxy: true, Init: true, PreserveFDs: 2, Remove: true,
			Env: Env{
				Base: []string{"http_proxy=http://proxy"}, Merge: []string{"PATH=${PATH}:/more"}, Set: []string{"LEVEL=flag", "X=1"},
				Unset: []string{"container"},
			},
			CapAdd: []string{"CAP_NET_ADMIN"}, CapDrop: []string{"CAP_CHOWN"},
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 10, Hard: 20}}, OOMScoreAdj: new(100),
			StopSignal: "RTMIN+3", StopTimeout: new(uint(3)), Timeout: 60, PIDFile: "/p", CIDFile: "/c", Attach: []string{"stdout"},
			Labels: map[string]string{"tier": "flag"}, Annotations: map[string]string{"a": "b"}, CreateCommand: []string{"rc", "run"},
			Hostname: "box", Domainname: "example.org", Sysctls: map[string]string{"net.ipv4.ip_forward": "1"},
			Security:    spec.Security{NoNewPrivileges: true, Mask: []string{"/secret"}, Unmask: []string{"/proc/k*", "/proc/sys"}, ProcOptions: []string{"hidepid=2"}},
			SecurityOpt: []string{"no-new-privileges"},
		}},
		"host": {image: plain, opts: Options{
			PID: "host", IPC: "host", UTS: "host", CgroupNS: "host", Network: spec.Network{Mode: "host"},
			Cgroups: spec.Cgroups{Mode: "disabled"}, RlimitsHost: true,
		}},
		"privileged": {image: plain, opts: Options{Privileged: true, TZ: "local", Devices: []spec.Device{{Host: "/dev/fuse", Container: "/dev/fuse", Perms: "rwm"}}}},
		"mounts": {image: testImage(), opts: Options{
			Mounts: []specs.Mount{
				{Type: "bind", Source: "/src", Destination: "/app/src/deep", Options: []string{"rbind", "rprivate", "ro"}},
				{Type: "bind", Source: "/etc-of-host", Destination: "/etc", Options: []string{"rbind", "rprivate"}},
				{Type: "bind", Source: "/over", Destination: "/over", Options: []string{"O", "U"}},
				{Type: "tmpfs", Source: "tmpfs", Destination: "/dev/shm", Options: []string{"size=1"}},
				{Type: "tmpfs", Source: "tmpfs", Destination: "/app", Options: []string{"size=2"}},
				{Type: "bind", Source: "/mine", Destination: "/cache", Options: []string{"rbind", "rprivate"}},
			},
			ReadOnly: true, ReadOnlyTmpfs: true, ShmSize: 1 << 20, TZ: "Europe/Paris",
			Devices: []spec.Device{{Host: "/dev/dri", Container: "/dev/gpu", Perms: "rw"}},
		}},
		"systemd": {image: testImage(), opts: Options{
			Args: []string{"/sbin/init"}, Entrypoint: []string{}, ReadOnly: true, ReadOnlyTmpfs: true, Personality: specs.PerLinux32,
			Mounts:     []specs.Mount{{Type: "bind", Source: "/host", Destination: "/srv/host", Options: []string{"rbind"}}},
			ChrootDirs: []string{"/srv/root", "/srv/host", "/srv/host/in"}, Requires: []string{"0123"}, Systemd: "true",
			Resources: Resources{
				Unified: map[string]string{"memory.high": "1g"}, BlkioWeightDevice: []spec.Weight{{Path: "/dev/sda", Weight: 100}},
			},
		}},
		"readonly": {image: testImage(), opts: Options{ReadOnly: true, ImageVolume: "tmpfs", ShmSize: 1 << 20}},
		"rootfs": {image: Image{Rootfs: spec.Rootfs{Path: "/", Overlay: true}}, opts: Options{
			Args: []string{"bash"}, ImageVolume: "ignore", Network: spec.Network{Mode: "none"},
		}},
		"limits": {image: plain, opts: Options{
			Cgroups: spec.Cgroups{Parent: "app.slice"},
			Resources: Resources{
				Memory: 512 << 20, MemoryReservation: 256 << 20, CPUs: 150000, CPUShares: 512, CpusetCPUs: "0-1", CpusetMems: "0",
				PIDsLimit: new(int64(100)), BlkioWeight: 500,
				ReadBps: []spec.Throttle{{Path: "/dev/sdb", Rate: 1 << 20}}, WriteIOps: []spec.Throttle{{Path: "/dev/sdb", Rate: 100}},
			},
		}},
		"conf": {image: plain, cfg: config.Config{CgroupManager: "cgroupfs", MountProgram: "fuse-overlayfs", Containers: config.Containers{
			Annotations: []string{"x=y"}, Capabilities: []string{"CHOWN", "KILL"}, Cgroups: "no-conmon",
			Sysctls: []string{"net.ipv4.ping_group_range=0 0", "kernel.shmmax=5"}, Ulimits: []string{"nofile=99:2000000", "core=0"},
			Devices: []string{"/dev/fuse", "/dev/missing"}, Env: []string{"FROM=conf"}, Init: true, IPCNS: "host", Network: "host",
			OOMScoreAdj: new(5), PIDsLimit: new(int64(2048)), ReadOnly: true, SeccompProfile: "/p.json", ShmSize: "1m",
			StopTimeout: new(uint(1)), TZ: "local", Umask: "0002", Volumes: []string{"/vol:/vol:ro"}, Mounts: []string{"type=tmpfs,dst=/scratch"},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Container(test.opts, test.image, testEnvironment(test.cfg))
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, name+".json", got)
			checkOrder(t, got.OCI.Mounts)
		})
	}
}

func checkGolden(t *testing.T, name string, value any) {
	t.Helper()
	got, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// checkOrder holds that nothing is mounted over by what comes later, and nothing twice.
func checkOrder(t *testing.T, mounts []specs.Mount) {
	t.Helper()
	for i, m := range mounts {
		for _, earlier := range mounts[:i] {
			if earlier.Destination == m.Destination {
				t.Errorf("%s is mounted twice", m.Destination)
			}
			if strings.HasPrefix(earlier.Destination, m.Destination+"/") {
				t.Errorf("%s hides %s", m.Destination, earlier.Destination)
			}
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	bind := func(source, destination string) specs.Mount {
		return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: []string{"rbind"}}
	}
	withImage := func(change func(*index.ImageConfig)) *Image {
		image := testImage()
		change(&image.Config)
		return &image
	}
	for _, test := range []struct {
		want  string
		opts  Options
		image *Image
		cfg   config.Config
	}{
		{want: `neither entrypoint nor command`, image: &Image{}},
		{want: `its name is empty`, opts: Options{Entrypoint: []string{}, Args: []string{""}}},
		{want: `--stop-signal: signal "FOO"`, opts: Options{StopSignal: "FOO"}},
		{want: `the image's stop signal: signal "SIGBAR"`, image: withImage(func(c *index.ImageConfig) { c.StopSignal = "SIGBAR" })},
		{want: `--hostname "x": with --uts host`, opts: Options{UTS: "host", Hostname: "x"}},
		{want: `--init: with --pid host`, opts: Options{PID: "host", Init: true}},
		{want: `--sysctl "net.ipv4.x": with --network host`, opts: Options{Network: spec.Network{Mode: "host"}, Sysctls: map[string]string{"net.ipv4.x": "1"}}},
		{want: `--sysctl "vm.x": it is the machine's`, opts: Options{Sysctls: map[string]string{"vm.x": "1"}}},
		{want: `--cgroup-parent "x": systemd wants the name of a slice`, opts: Options{Cgroups: spec.Cgroups{Parent: "x"}}},
		{want: `--cgroup-parent "x.slice": with --cgroups disabled`, opts: Options{Cgroups: spec.Cgroups{Mode: "disabled", Parent: "x.slice"}}},
		{want: `--cgroups disabled: limits need a cgroup`, opts: Options{Cgroups: spec.Cgroups{Mode: "disabled"}, Resources: Resources{Memory: 1 << 30}}},
		{want: `--memory-swap: it includes the memory`, opts: Options{Resources: Resources{MemorySwap: 1}}},
		{want: `--memory-swap 1: it includes`, opts: Options{Resources: Resources{Memory: 8 << 20, MemorySwap: 1}}},
		{want: `--memory-reservation 9437184: it cannot be more`, opts: Options{Resources: Resources{Memory: 8 << 20, MemoryReservation: 9 << 20}}},
		{want: `--cpus: --cpu-quota`, opts: Options{Resources: Resources{CPUs: 1000, CPUQuota: 5000}}},
		{want: `--cpu-period 5: want 1000 to`, opts: Options{Resources: Resources{CPUPeriod: 5}}},
		{want: `--cpu-quota 5: want 1000`, opts: Options{Resources: Resources{CPUQuota: 5}}},
		{want: `--cpu-shares 1: want 2`, opts: Options{Resources: Resources{CPUShares: 1}}},
		{want: `--device-read-bps "/dev/missing": no such file`, opts: Options{Resources: Resources{ReadBps: []spec.Throttle{{Path: "/dev/missing", Rate: 1}}}}},
		{want: `--cap-add CAP_KILL: --cap-drop has it too`, opts: Options{CapAdd: []string{"CAP_KILL"}, CapDrop: []string{"CAP_KILL"}}},
		{want: `--ulimit nofile=600000: your own hard limit is 524288`, opts: Options{Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 600000}}}},
		{want: `mount on "/x": it is asked for twice`, opts: Options{Mounts: []specs.Mount{bind("/a", "/x"), bind("/b", "/x")}}},
		{want: `mount "/missing" on "/x": no such file`, opts: Options{Mounts: []specs.Mount{bind("/missing", "/x")}}},
		{want: `--tz "Mars/missing": "/usr/share/zoneinfo/Mars/missing": no such file`, opts: Options{TZ: "Mars/missing"}},
		{want: `seccomp profile "/missing.json": no such file`, opts: Options{Security: spec.Security{Seccomp: "/missing.json"}}},
		{want: `device "/dev/missing": no such file`, opts: Options{Devices: []spec.Device{{Host: "/dev/missing", Container: "/dev/x"}}}},
		{want: `image volume "/": it would hide`, image: withImage(func(c *index.ImageConfig) { c.Volumes = map[string]struct{}{"/": {}} })},
		{want: `containers.conf: umask: "99"`, cfg: config.Config{Containers: config.Containers{Umask: "99"}}},
		{want: `containers.conf: netns: "-web"`, cfg: config.Config{Containers: config.Containers{Network: "-web"}}},
		{want: `containers.conf: default_capabilities: capability "FLY"`, cfg: config.Config{Containers: config.Containers{Capabilities: []string{"FLY"}}}},
		{want: `containers.conf: default_ulimits: "x"`, cfg: config.Config{Containers: config.Containers{Ulimits: []string{"x"}}}},
		{want: `containers.conf: shm_size: "big"`, cfg: config.Config{Containers: config.Containers{ShmSize: "big"}}},
		{want: `containers.conf: pidns: "x"`, cfg: config.Config{Containers: config.Containers{PIDNS: "x"}}},
		{want: `containers.conf: cgroups: "x"`, cfg: config.Config{Containers: config.Containers{Cgroups: "x"}}},
		{want: `containers.conf: devices: "x"`, cfg: config.Config{Containers: config.Containers{Devices: []string{"x"}}}},
	} {
		image := testImage()
		if test.image != nil {
			image = *test.image
		}
		_, err := Container(test.opts, image, testEnvironment(test.cfg))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want %s", err, test.want)
		} else if errs.Code(err) != errs.CodeError {
			t.Errorf("%v: code %d", err, errs.Code(err))
		}
	}
	fuse := testImage()
	fuse.Rootfs.MountProgram = "fuse-overlayfs"
	if _, err := Container(Options{}, fuse, testEnvironment(config.Config{MountProgram: "native"})); !errors.Is(err, errs.ErrUnsupported) {
		t.Errorf("layers for fuse-overlayfs, mounted by the kernel: %v", err)
	}
	if c, err := Container(Options{}, fuse, testEnvironment(config.Config{})); err != nil || c.Rootfs.MountProgram != "fuse-overlayfs" {
		t.Errorf("layers for fuse-overlayfs: %v, %v", c, err)
	}
	if c, err := Container(Options{}, fuse, testEnvironment(config.Config{MountProgram: "/opt/fuse"})); err != nil || c.Rootfs.MountProgram != "/opt/fuse" {
		t.Errorf("layers for fuse-overlayfs, and one of the user's own: %v, %v", c, err)
	}
	env := testEnvironment(config.Config{})
	env.Network = ""
	if _, err := Container(Options{}, testImage(), env); err == nil || !strings.Contains(errs.Hint(err), "apt install") {
		t.Errorf("without network helpers: %v, hint %q", err, errs.Hint(err))
	}
}

func TestCapabilitiesOfUsers(t *testing.T) {
	for _, test := range []struct {
		user          string
		add, drop     []string
		bounding      int
		ambient, want []string // want must be in the bounding set
	}{
		{user: "", bounding: 14, want: []string{"CAP_CHOWN"}},
		{user: "0:5", add: []string{"ALL"}, bounding: 41, want: []string{"CAP_SYS_ADMIN"}},
		{user: "root", drop: []string{"ALL"}, bounding: 0},
		{user: "root", drop: []string{"ALL"}, add: []string{"CAP_KILL"}, bounding: 1, want: []string{"CAP_KILL"}},
		{user: "root", add: []string{"ALL"}, drop: []string{"CAP_SYS_ADMIN"}, bounding: 40},
		{user: "app", bounding: 14},
		{user: "1000", add: []string{"CAP_NET_ADMIN"}, bounding: 15, ambient: []string{"CAP_NET_ADMIN"}},
	} {
		c, err := Container(Options{User: test.user, CapAdd: test.add, CapDrop: test.drop, Args: []string{"x"}},
			Image{}, testEnvironment(config.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		caps := c.OCI.Process.Capabilities
		if len(caps.Bounding) != test.bounding || !cmp.Equal(caps.Ambient, test.ambient) {
			t.Errorf("%+v: bounding %v, ambient %v", test, caps.Bounding, caps.Ambient)
		}
		for _, name := range test.want {
			if !strings.Contains(strings.Join(caps.Bounding, " "), name) {
				t.Errorf("%+v: no %s", test, name)
			}
		}
	}
}

// TestSystemdStandsBack: an init by its name is a command like others where it could not be systemd.
func TestSystemdStandsBack(t *testing.T) {
	for name, o := range map[string]Options{
		"cgroups of the host": {CgroupNS: "host"},
		"no cgroup":           {Cgroups: spec.Cgroups{Mode: "disabled"}},
	} {
		o.Entrypoint, o.Args = []string{}, []string{"/sbin/init"}
		c, err := Container(o, testImage(), testEnvironment(config.Config{}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, has := spec.EnvValue(c.OCI.Process.Env, "container_uuid"); has {
			t.Errorf("%s: prepared for systemd", name)
		}
		o.Systemd = "always"
		if _, err := Container(o, testImage(), testEnvironment(config.Config{})); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s, always: %v", name, err)
		}
	}
}
