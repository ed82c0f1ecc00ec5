package runflags

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec"
)

// parseRun is rc run with args, as far as its options.
func parseRun(t *testing.T, cfg *config.Config, args ...string) (*Options, error) {
	t.Helper()
	return parseArgs(t, "run", (*Flags).AddRun, cfg, args)
}

// parseArgs is what a verb with such flags makes of args.
func parseArgs(t *testing.T, verb string, add func(*Flags, *pflag.FlagSet), cfg *config.Config, args []string) (got *Options, err error) {
	t.Helper()
	flags := &Flags{}
	cmd := &cobra.Command{Use: verb, SilenceErrors: true, SilenceUsage: true, RunE: func(cmd *cobra.Command, args []string) error {
		got, err = flags.Options(cmd.Flags(), &cli.App{Config: cfg}, args)
		return err
	}}
	add(flags, cmd.Flags())
	cmd.SetFlagErrorFunc(cli.FlagError)
	cmd.SetArgs(args)
	return got, cmd.ExecuteContext(t.Context())
}

// declared are the flags themselves.
func declared(add func(*Flags, *pflag.FlagSet)) *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	add(&Flags{}, flags)
	return flags
}

// TestUnitLog: a quadlet's container logs where its unit does, unless something else was said.
func TestUnitLog(t *testing.T) {
	t.Setenv("RC_SYSTEMD_UNIT", "web.service")
	for _, test := range []struct{ stream, conf, args, want string }{
		{"8:1", "", "-d x", "journald"},
		{"8:1", "", "x", ""},
		{"", "", "-d x", ""},
		{"8:1", "json-file", "-d x", ""},
		{"8:1", "", "-d --log-driver none x", "none"},
		{"8:1", "", "-d --log-opt max-size=1k x", ""},
		{"8:1", "", "-d --log-opt tag=t x", "journald"},
	} {
		t.Setenv("JOURNAL_STREAM", test.stream)
		got, err := parseRun(t, &config.Config{Containers: config.Containers{LogDriver: test.conf}}, strings.Fields(test.args)...)
		if err != nil || got.Log.Driver != test.want {
			t.Errorf("%+v: %+v, %v", test, got, err)
		}
	}
	t.Setenv("RC_SYSTEMD_UNIT", "")
	if got, err := parseRun(t, &config.Config{}, "-d", "x"); err != nil || got.Log.Driver != "" {
		t.Errorf("by hand: %+v, %v", got, err)
	}
}

// flagTest is a part of a command line with what it changes in the options.
type flagTest struct {
	args string
	want func(*Options)
}

// runFlagTests are every flag of run, but for lifeFlagTests'.
func runFlagTests(dir string) []flagTest {
	return []flagTest{
		{"", func(*Options) {}},
		{"--name web", func(o *Options) { o.Name = "web" }},
		{"--name web --replace", func(o *Options) { o.Name, o.Replace = "web", true }},
		{"--rm", func(o *Options) { o.Remove = true }},
		{"--label a=1 -l b", func(o *Options) { o.Labels = map[string]string{"a": "1", "b": ""} }},
		{"--label-file labels --label a=2", func(o *Options) { o.Labels = map[string]string{"a": "2", "f": "x"} }},
		{"--annotation a=1", func(o *Options) { o.Annotations = map[string]string{"a": "1"} }},
		{"--cidfile new", func(o *Options) { o.CIDFile = dir + "/new" }},
		{"--pidfile ./p", func(o *Options) { o.PIDFile = dir + "/p" }},
		{"--pull always", func(o *Options) { o.Pull = "always" }},
		{"--pull=newer", func(o *Options) { o.Pull = "newer" }},
		{"--platform linux/arm/v7", func(o *Options) { o.Platform = spec.Platform{OS: "linux", Arch: "arm", Variant: "v7"} }},
		{"--os linux --arch aarch64 --variant v8", func(o *Options) { o.Platform = spec.Platform{OS: "linux", Arch: "arm64", Variant: "v8"} }},
		{"--rmi", func(o *Options) { o.Remove, o.RemoveImage = true, true }},
		{"--signature-policy p.json", func(o *Options) { o.Registry.SignaturePolicy = "p.json" }},
		{"--authfile f --creds u:p --cert-dir c --tls-verify=false --retry 7 --retry-delay 3s", func(o *Options) {
			o.Registry = image.Registry{AuthFile: "f", Creds: "u:p", CertDir: "c", TLSVerify: new(false), Retry: 7, RetryDelay: 3 * time.Second}
		}},
		{"-q", func(o *Options) { o.Quiet = true }},
		{"--quiet", func(o *Options) { o.Quiet = true }},
		{"--timeout 5", func(o *Options) { o.Timeout = 5 }},
		{"--stop-timeout 3", func(o *Options) { o.StopTimeout = new(uint(3)) }},
		{"--stop-signal RTMIN+3", func(o *Options) { o.StopSignal = "RTMIN+3" }},

		{"-e A=1 --env TESTHOME -e TESTNONE", func(o *Options) { o.Env.Set = []string{"A=1", "TESTHOME=/home/u"} }},
		{"-e C=3 --env-file env", func(o *Options) { o.Env.Set = []string{"A=1", "TESTHOME=/home/u", "C=3"} }},
		{"--env-merge A=${A}b", func(o *Options) { o.Env.Merge = []string{"A=${A}b"} }},
		{"--unsetenv A", func(o *Options) { o.Env.Unset = []string{"A"} }},
		{"--unsetenv-all", func(o *Options) { o.Env.UnsetAll = true }},
		{"--http-proxy=false", func(o *Options) { o.Env.Base = nil }},
		{"--env-host", func(o *Options) { o.Env.Base = []string{"HTTPS_PROXY=s", "TESTHOME=/home/u", "http_proxy=p"} }},
		{"--entrypoint sh", func(o *Options) { o.Entrypoint = []string{"sh"} }},
		{`--entrypoint ["sh","-c"]`, func(o *Options) { o.Entrypoint = []string{"sh", "-c"} }},
		{"--entrypoint=", func(o *Options) { o.Entrypoint = []string{} }},
		{"-w /w", func(o *Options) { o.Workdir = "/w" }},
		{"--workdir /w", func(o *Options) { o.Workdir = "/w" }},
		{"-u a:b", func(o *Options) { o.User = "a:b" }},
		{"--user 5", func(o *Options) { o.User = "5" }},
		{"--group-add audio,5 --group-add video", func(o *Options) { o.GroupAdd = []string{"audio", "5", "video"} }},
		{"--umask 077", func(o *Options) { o.Umask = new(uint32(0o77)) }},
		{"-a stdin -a stdout", func(o *Options) { o.Attach = []string{"stdin", "stdout"} }},
		{"--attach stderr", func(o *Options) { o.Attach = []string{"stderr"} }},
		{"-it", func(o *Options) { o.Stdin, o.TTY = true, true }},
		{"--interactive --tty", func(o *Options) { o.Stdin, o.TTY = true, true }},
		{"--sig-proxy=false", func(o *Options) { o.SigProxy = false }},
		{"--init", func(o *Options) { o.Init = true }},
		{"--ipc none", func(o *Options) { o.IPC = "none" }},
		{"--ipc shareable", func(o *Options) { o.IPC = "private" }},
		{"--preserve-fds 2", func(o *Options) { o.PreserveFDs = 2 }},
		{"--preserve-fd 3,7 --preserve-fd 5", func(o *Options) { o.PreserveFD = []int{3, 7, 5} }},
		{"--tz Europe/Paris", func(o *Options) { o.TZ = "Europe/Paris" }},

		{"--cap-add net_admin,ALL --cap-drop CAP_CHOWN", func(o *Options) {
			o.CapAdd, o.CapDrop = []string{"CAP_NET_ADMIN", "ALL"}, []string{"CAP_CHOWN"}
		}},
		{"--privileged", func(o *Options) { o.Privileged = true }},
		{"--security-opt seccomp=p.json --security-opt no-new-privileges", func(o *Options) {
			o.SecurityOpt = []string{"seccomp=p.json", "no-new-privileges"}
			o.Security = spec.Security{Seccomp: dir + "/p.json", NoNewPrivileges: true}
		}},
		{"--security-opt seccomp=unconfined", func(o *Options) {
			o.SecurityOpt, o.Security.Seccomp = []string{"seccomp=unconfined"}, "unconfined"
		}},
		{"--sysctl net.ipv4.ip_forward=1", func(o *Options) { o.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"} }},

		{"--sdnotify healthy", func(o *Options) { o.SDNotify = "healthy" }},
		{"-h box", func(o *Options) { o.Hostname = "box" }},
		{"--hostname box --domainname dom", func(o *Options) { o.Hostname, o.Domainname = "box", "dom" }},
		{"--pid host --ipc host --uts host --cgroupns host", func(o *Options) {
			o.PID, o.IPC, o.UTS, o.CgroupNS = "host", "host", "host", "host"
		}},
		{"-p 127.0.0.1:8080:80 --publish 53/udp --publish-all", func(o *Options) {
			o.Network.Ports = []spec.Port{
				{HostIP: "127.0.0.1", HostPort: 8080, ContainerPort: 80, Range: 1, Protocol: "tcp"},
				{ContainerPort: 53, Range: 1, Protocol: "udp"},
			}
			o.Network.PublishAll = true
		}},
		{"--expose 80 --expose 90-91/udp,100", func(o *Options) { o.Network.Expose = []string{"80/tcp", "90/udp", "91/udp", "100/tcp"} }},
		{"--dns 192.0.2.1 --dns-search a.test --dns-option rotate --dns-opt ndots:2", func(o *Options) {
			o.Network.DNS, o.Network.DNSSearch, o.Network.DNSOptions = []string{"192.0.2.1"}, []string{"a.test"}, []string{"rotate", "ndots:2"}
		}},
		{"--add-host a;b:192.0.2.1 --add-host c:host-gateway", func(o *Options) {
			o.Network.AddHosts = []string{"a:192.0.2.1", "b:192.0.2.1", "c:host-gateway"}
		}},
		{"--hosts-file /etc/hosts --no-hostname", func(o *Options) { o.Network.HostsFile, o.Network.NoHostname = "/etc/hosts", true }},
		{"--no-hosts", func(o *Options) { o.Network.NoHosts = true }},
		{"--network a --ip 10.0.0.5 --ip6 fd00::5 --mac-address 92:D0:c6:0a:29:33 --network-alias x --net-alias y", func(o *Options) {
			o.Network.Mode = "bridge"
			o.Network.Attachments = []spec.Attachment{{Network: "a", IP: "10.0.0.5", IP6: "fd00::5", MAC: "92:d0:c6:0a:29:33", Aliases: []string{"x", "y"}}}
		}},
		{"--network-rate in=10mbit,out=5mbit", func(o *Options) { o.Network.Rate = &spec.Rate{In: 10_000_000, Out: 5_000_000} }},
		{"--network none", func(o *Options) { o.Network.Mode = "none" }},
		{"--net host", func(o *Options) { o.Network.Mode = "host" }},
		{"--network pasta:-T,80", func(o *Options) { o.Network = spec.Network{Mode: "pasta", Options: []string{"-T", "80"}} }},

		{"-v ./s:/d:ro", func(o *Options) { o.Mounts = []specs.Mount{bind(dir+"/s", "/d", "rbind", "rprivate", "ro")} }},
		{"--volume /s:/d --mount type=bind,src=/m,dst=/n --tmpfs /t:size=1k", func(o *Options) {
			o.Mounts = []specs.Mount{
				bind("/s", "/d", "rbind", "rprivate"), bind("/m", "/n", "rbind", "rprivate"),
				{Type: "tmpfs", Source: "tmpfs", Destination: "/t", Options: []string{"rprivate", "nosuid", "nodev", "size=1024", "tmpcopyup"}},
			}
		}},
		{"--gpus 0,GPU-1 --gpus device=all --device vendor.com/class=a", func(o *Options) {
			o.Devices = []spec.Device{{CDI: "vendor.com/class=a"}, {CDI: "nvidia.com/gpu=0"}, {CDI: "nvidia.com/gpu=GPU-1"}, {CDI: "nvidia.com/gpu=all"}}
		}},
		{"--secret db --secret db,type=env,target=PW", func(o *Options) {
			o.Secrets = []spec.Secret{{Name: "db", Type: "mount", Mode: 0o444}, {Name: "db", Type: "env", Target: "PW"}}
		}},
		{"--device /dev/fuse", func(o *Options) {
			o.Devices = []spec.Device{{Host: "/dev/fuse", Container: "/dev/fuse", Perms: "rwm"}}
		}},
		{"--volumes-from web:ro --volumes-from db --volume-driver local", func(o *Options) {
			o.VolumesFrom = []spec.VolumesFrom{{Container: "web", Access: "ro"}, {Container: "db"}}
		}},
		{"--image-volume tmpfs", func(o *Options) { o.ImageVolume = "tmpfs" }},
		{"--read-only --read-only-tmpfs=false", func(o *Options) { o.ReadOnly, o.ReadOnlyTmpfs = true, false }},
		{"--shm-size-systemd 0", func(o *Options) { o.ShmSizeSystemd = new(int64(0)) }},
		{"--systemd always", func(o *Options) { o.Systemd = "always" }},
		{"--personality LINUX32", func(o *Options) { o.Personality = specs.PerLinux32 }},
		{"--chrootdirs /a,/b/", func(o *Options) { o.ChrootDirs = []string{"/a", "/b"} }},
		{"--requires a,b --requires c", func(o *Options) { o.Requires = []string{"a", "b", "c"} }},
		{"--cgroup-conf memory.high=1 --cgroup-conf a.b=c=d", func(o *Options) { o.Resources.Unified = map[string]string{"memory.high": "1", "a.b": "c=d"} }},
		{"--blkio-weight-device /dev/sda:100", func(o *Options) { o.Resources.BlkioWeightDevice = []spec.Weight{{Path: "/dev/sda", Weight: 100}} }},
		{"--shm-size 1m", func(o *Options) { o.ShmSize = 1 << 20 }},

		{"--ulimit nofile=1:2 --ulimit host", func(o *Options) {
			o.Rlimits, o.RlimitsHost = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1, Hard: 2}}, true
		}},
		{"--oom-score-adj -5", func(o *Options) { o.OOMScoreAdj = new(-5) }},
		{"--cgroups split", func(o *Options) { o.Cgroups.Mode = "split" }},
		{"--cgroup-parent x.slice", func(o *Options) { o.Cgroups.Parent = "x.slice" }},
		{"-m 1m", func(o *Options) { o.Resources.Memory = 1 << 20 }},
		{"--memory 2m --memory-swap -1 --memory-reservation 1m", func(o *Options) {
			o.Resources.Memory, o.Resources.MemorySwap, o.Resources.MemoryReservation = 2<<20, -1, 1<<20
		}},
		{"--cpus 1.5", func(o *Options) { o.Resources.CPUs = 150000 }},
		{"-c 512", func(o *Options) { o.Resources.CPUShares = 512 }},
		{"--cpu-shares 2 --cpu-period 1000 --cpu-quota 2000", func(o *Options) {
			o.Resources.CPUShares, o.Resources.CPUPeriod, o.Resources.CPUQuota = 2, 1000, 2000
		}},
		{"--cpuset-cpus 0-1 --cpuset-mems 0", func(o *Options) { o.Resources.CpusetCPUs, o.Resources.CpusetMems = "0-1", "0" }},
		{"--pids-limit 0", func(o *Options) { o.Resources.PIDsLimit = new(int64(-1)) }},
		{"--blkio-weight 100", func(o *Options) { o.Resources.BlkioWeight = 100 }},
		{"--device-read-bps /dev/a:1k --device-write-bps /dev/a:2k --device-read-iops /dev/a:3 --device-write-iops /dev/a:4", func(o *Options) {
			o.Resources.ReadBps = []spec.Throttle{{Path: "/dev/a", Rate: 1024}}
			o.Resources.WriteBps = []spec.Throttle{{Path: "/dev/a", Rate: 2048}}
			o.Resources.ReadIOps = []spec.Throttle{{Path: "/dev/a", Rate: 3}}
			o.Resources.WriteIOps = []spec.Throttle{{Path: "/dev/a", Rate: 4}}
		}},
		{"--disable-content-trust --disable-content-trust=false", func(*Options) {}},
	}
}

func bind(source, destination string, options ...string) specs.Mount {
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: options}
}

// runDirectory is a working directory with the files that the tests name, and an
// environment of three variables.
func runDirectory(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for name, text := range map[string]string{
		"labels": "a=1\nf=x\n", "env": "# comment\nA=1\nTESTHOME\n", "badenv": "A=1\n=2\n", "there": "",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value) // brings it back in the end
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TESTHOME", "/home/u")
	t.Setenv("http_proxy", "p")
	t.Setenv("HTTPS_PROXY", "s")
	return dir
}

func TestRunFlags(t *testing.T) {
	dir := runDirectory(t)
	used := map[string]bool{"help": true, "rootfs": true, "device-cgroup-rule": true}
	for _, test := range slices.Concat(runFlagTests(dir), lifeFlagTests(dir), idFlagTests()) {
		args := append(strings.Fields(test.args), "alpine", "sh", "-c", "--rm")
		got, err := parseRun(t, &config.Config{}, args...)
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		want := &Options{Image: "alpine", Pull: "missing", Registry: image.Registry{Retry: cli.Retries}, Options: create.Options{
			Args: []string{"sh", "-c", "--rm"}, SigProxy: true, ReadOnlyTmpfs: true, ImageVolume: "anonymous", CreateCommand: os.Args,
			Env: create.Env{Base: []string{"HTTPS_PROXY=s", "http_proxy=p"}}, DetachKeys: []byte{'p' & 0x1f, 'q' & 0x1f},
		}}
		test.want(want)
		slices.Sort(got.Env.Base)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.args, diff)
		}
		if strings.HasPrefix(test.args, "--entrypoint") && got.Entrypoint == nil {
			t.Errorf("%s: the image's entrypoint would be used", test.args)
		}
		for _, word := range args {
			name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
			used[name] = true
		}
	}
	used["decryption-key"] = true // TestRunRefuses
	declared((*Flags).AddRun).VisitAll(func(flag *pflag.Flag) {
		if !cli.IsRefused(flag) && !used[flag.Name] {
			t.Errorf("--%s is in no test", flag.Name)
		}
	})
}

func TestRunRootfs(t *testing.T) {
	dir := runDirectory(t)
	for operand, want := range map[string]spec.Rootfs{
		"/":        {Path: "/"},
		"/:O":      {Path: "/", Overlay: true},
		"./tree:O": {Path: dir + "/tree", Overlay: true},
	} {
		got, err := parseRun(t, &config.Config{}, "--rootfs", operand, "sh")
		if err != nil {
			t.Fatal(err)
		}
		if got.Rootfs.Path != want.Path || got.Rootfs.Overlay != want.Overlay || got.Image != "" || !slices.Equal(got.Args, []string{"sh"}) {
			t.Errorf("%s: %+v, image %q, args %q", operand, got.Rootfs, got.Image, got.Args)
		}
	}
}

func TestRunDefaultsOfContainersConf(t *testing.T) {
	runDirectory(t)
	cfg := &config.Config{Containers: config.Containers{PullPolicy: "newer", EnvHost: true, HTTPProxy: new(false)}}
	got, err := parseRun(t, cfg, "alpine")
	if err != nil || got.Pull != "newer" || len(got.Env.Base) != 3 {
		t.Errorf("%v %+v", err, got)
	}
	got, err = parseRun(t, cfg, "--pull", "never", "--env-host=false", "--http-proxy", "alpine")
	if err != nil || got.Pull != "never" || len(got.Env.Base) != 2 {
		t.Errorf("%v %+v", err, got)
	}
}

func TestRunRefuses(t *testing.T) {
	runDirectory(t)
	for _, test := range []struct {
		args, want, hint string
		kind             error
	}{
		{args: "", want: "image is missing", hint: "rc run IMAGE [COMMAND [ARG…]]"},
		{args: "--memry 5 alpine", want: "unknown flag --memry; did you mean --memory?", hint: "run --help"},
		{args: "--zzzzzz alpine", want: "unknown flag --zzzzzz", hint: "run --help"},
		{args: "-tZ alpine", want: "unknown flag -Z in -Z", hint: "run --help"},
		{args: "--memory", want: "--memory: it needs a value"},
		{args: "-m", want: "-m: it needs a value"},
		{args: "--cpu-shares many alpine", want: `--cpu-shares "many": want a number of 0 or more`},
		{args: "--timeout -1 alpine", want: `--timeout "-1": want a number of 0 or more`},
		{args: "--cpu-quota x alpine", want: `--cpu-quota "x": want a number`},
		{args: "--rm=perhaps alpine", want: `--rm "perhaps": want true or false`},
		{args: "-d -a stdin alpine", want: "--attach stdin: with --detach nothing is attached"},
		{args: "--detach-keys ctrl-1 alpine", want: `--detach-keys "ctrl-1": "ctrl-1" is no key: want keys such as a or ctrl-p`},
		{args: "--userns keepid alpine", want: `--userns "keepid": want host, keep-id, nomap`},
		{args: "--userns keep-id:size=0 alpine", want: `--userns "size=0": want size=N`},
		{args: "--userns ns:/proc/1/ns/user alpine", want: `--userns "ns:/proc/1/ns/user": a namespace that was made elsewhere`, kind: errs.ErrUnsupported},
		{args: "--uidmap 5 alpine", want: `--uidmap "5": want [+ug]CONTAINER:FROM[:COUNT]`},
		{args: "--gidmap 0:4294967290:10 alpine", want: `--gidmap "0:4294967290:10": ids end at 4294967294`},
		{args: "--passwd-entry= alpine", want: `--passwd-entry "": want one line`},
		{args: "--passwd=false --hostuser daemon alpine", want: "--hostuser: with --passwd=false nothing is added"},
		{args: "-p 80: alpine", want: `--publish "80:": "" is no port from 1 to 65535: want [[IP:][HOSTPORT[-LAST]]:]PORT[-LAST][/tcp|udp]`},
		{args: "--expose x alpine", want: `--expose "x": "x" is no port`},
		{args: "--dns here alpine", want: `--dns "here": want the address of a name server, or none`},
		{args: "--add-host db alpine", want: `--add-host "db": want NAME:IP or NAME:host-gateway`},
		{args: "--network-rate 10mbps alpine", want: `--network-rate "10mbps": "10mbps": want in=RATE`},
		{args: "--ip 10.0.0.5 alpine", want: "--ip: only bridge networks have addresses to choose from", hint: "rc network create NAME, then --network NAME --ip", kind: errs.ErrUnsupported},
		{args: "--network a --network b --mac-address 92:d0:c6:0a:29:33 alpine", want: "--mac-address: there are several networks", hint: "--network NAME:mac=…"},
		{args: "--network none --network-alias x alpine", want: "--network-alias: only bridge networks", kind: errs.ErrUnsupported},
		{args: "--sdnotify often alpine", want: `--sdnotify "often": want conmon, container, healthy or ignore`},
		{args: "--restart sometimes alpine", want: `--restart "sometimes": want no, on-failure[:N], always or unless-stopped`},
		{args: "--systemd sometimes alpine", want: `--systemd "sometimes": want true, false or always`},
		{args: "--personality linux alpine", want: `--personality "linux": want LINUX or LINUX32`},
		{args: "--chrootdirs / alpine", want: `--chrootdirs "/": want the absolute path of a directory`},
		{args: "--chrootdirs /a,b alpine", want: `--chrootdirs "b": want the absolute path of a directory`},
		{args: "--cgroup-conf memory.high alpine", want: `--cgroup-conf "memory.high": want FILE=VALUE`},
		{args: "--shm-size-systemd x alpine", want: `--shm-size-systemd "x": want`},
		{args: "--blkio-weight-device /dev/sda:5 alpine", want: `--blkio-weight-device "/dev/sda:5": weight "5": want a number from 10 to 1000`},
		{args: "--blkio-weight-device sda:50 alpine", want: `--blkio-weight-device "sda:50": want DEVICE:RATE`},
		{args: "--restart= alpine", want: `--restart "": want no, on-failure[:N], always or unless-stopped`},
		{args: "--log-driver syslog alpine", want: `--log-driver "syslog": want k8s-file, json-file, journald, none or passthrough`},
		{args: "--log-opt colour=red alpine", want: `--log-opt "colour=red": unknown option "colour": want max-file`},
		{args: "--no-healthcheck --health-cmd true alpine", want: "--no-healthcheck: --health-cmd asks for one"},
		{args: "--health-cmd= alpine", want: `--health-cmd "": want a command, or none`},
		{args: "--health-interval 5 alpine", want: `--health-interval "5": want a duration such as 30s, or disable`},
		{args: "--health-timeout 5ms alpine", want: `--health-timeout "5ms": want a duration of 1s or more`},
		{args: "--health-start-period -1s alpine", want: `--health-start-period "-1s": want a duration such as 1m30s`},
		{args: "--health-start-interval disable alpine", want: `--health-start-interval "disable": want a duration such as 5s`},
		{args: "--health-retries 0 alpine", want: `--health-retries "0": want a number of 1 or more`},
		{args: "--health-startup-retries x alpine", want: `--health-startup-retries "x": want a number of 0 or more`},
		{args: "--health-on-failure weep alpine", want: `--health-on-failure "weep": want none, kill, restart or stop`},
		{args: "--health-log-destination /tmp alpine", want: `--health-log-destination "/tmp": results are in`, kind: errs.ErrUnsupported},
		{args: "--device-cgroup-rule c alpine", want: `--device-cgroup-rule "c": only root`, kind: errs.ErrUnsupported},
		{args: "--gpus count=1 alpine", want: `--gpus "count=1": want all`},
		{args: "--secret db,mode=9 alpine", want: `--secret "db,mode=9": mode="9": want an octal number`},
		{args: "--name a/b alpine", want: `--name "a/b": a name has letters`},
		{args: "--replace alpine", want: "--replace: it needs --name"},
		{args: "--cidfile there alpine", want: `--cidfile "there": already exists`, hint: "rm there, if its container is gone", kind: errs.ErrExists},
		{args: "--env-file missing alpine", want: `--env-file "missing": no such file or directory`, kind: os.ErrNotExist},
		{args: "--env-file badenv alpine", want: `--env-file badenv: line 2: "=2": the variable's name is empty`},
		{args: "--label-file missing alpine", want: `--label-file "missing": no such file`, kind: os.ErrNotExist},
		{args: "-e =1 alpine", want: `--env "=1": the variable's name is empty`},
		{args: "--env-merge A alpine", want: `--env-merge "A": want KEY=VALUE`},
		{args: "--stop-signal FOO alpine", want: `--stop-signal "FOO": want a name as in kill -l`},
		{args: "--pull sometimes alpine", want: `--pull "sometimes": want always, missing, never or newer`},
		{args: "--platform linux/arm64 --arch arm alpine", want: `--platform "linux/arm64": it is given together with`},
		{args: "--decryption-key k.pem alpine", want: `--decryption-key "k.pem": rc does not read encrypted images`, hint: "skopeo copy --decryption-key k.pem docker://IMAGE oci-archive:FILE, then rc load -i FILE", kind: errs.ErrUnsupported},
		{args: "--creds ann alpine", want: `--creds "ann": want USER:PASSWORD`},
		{args: "--retry-delay -1s alpine", want: "--retry-delay -1s: want a duration of zero or more"},
		{args: "--rmi --detach alpine", want: "--rmi: with --detach nobody is left", hint: "rc wait CONTAINER; rc rmi IMAGE", kind: errs.ErrUnsupported},
		{args: "--rmi --rm=false alpine", want: "--rmi: the image cannot go while the container stays"},
		{args: "--rmi --rootfs /", want: "--rmi: with --rootfs there is no image"},
		{args: "--cap-add FLY alpine", want: `--cap-add "FLY": unknown capability`},
		{args: "-v x/z:/y alpine", want: `--volume "x/z:/y": "x/z": not a volume's name`},
		{args: "--volumes-from web:z,rx alpine", want: `--volumes-from "web:z,rx": unknown option "rx"`},
		{args: "--volume-driver nfs alpine", want: `--volume-driver "nfs": rc has the driver local only`, kind: errs.ErrUnsupported},
		{args: "--mount type=npipe,dst=/x alpine", want: `--mount "type=npipe,dst=/x": type=npipe: rc has no such mounts`, kind: errs.ErrUnsupported},
		{args: "--memory= alpine", want: `--memory "": want a number`},
		{args: "--network a --network none alpine", want: `--network "a none": several networks must be bridge networks`},
		{args: "--group-add keep-groups,x alpine", want: `--group-add "keep-groups,x": keep-groups cannot be combined`},
		{args: "--security-opt label=level:s0 alpine", want: `--security-opt "label=level:s0": SELinux`, kind: errs.ErrUnsupported},
		{args: "--rootfs /x:ro", want: `--rootfs "/x:ro": unknown option`},
	} {
		_, err := parseRun(t, &config.Config{}, strings.Fields(test.args)...)
		kind := test.kind
		if kind == nil {
			kind = errs.ErrInvalid
		}
		switch {
		case err == nil:
			t.Errorf("%s: no error, want %s", test.args, test.want)
		case !strings.HasPrefix(err.Error(), test.want):
			t.Errorf("%s: error %q, want %q", test.args, err, test.want)
		case !errors.Is(err, kind):
			t.Errorf("%s: error %q is no %v", test.args, err, kind)
		case test.hint != "" && errs.Hint(err) != test.hint:
			t.Errorf("%s: hint %q, want %q", test.args, errs.Hint(err), test.hint)
		case errs.Code(err) != errs.CodeError:
			t.Errorf("%s: code %d", test.args, errs.Code(err))
		}
	}
}

func TestRunTellsAllProblems(t *testing.T) {
	runDirectory(t)
	_, err := parseRun(t, &config.Config{}, "-m", "x", "--cpus", "y", "alpine")
	if got := strings.Count(err.Error(), "\n"); got != 1 {
		t.Errorf("%d lines: %v", got+1, err)
	}
}
