package runflags

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Flags are the flags of run as typed. Options are made of them in one place, so
// that every value is checked before anything else is done.
type Flags struct {
	// the container
	name, cidfile, pidfile          string
	labels, labelFiles, annotations []string
	rm, rmi, replace                bool
	pull                            string
	registry                        cli.RegistryFlags
	platform                        cli.PlatformFlags
	quiet, rootfs                   bool
	timeout, stopTimeout            uint
	stopSignal                      string

	// its process
	env, envFiles, envMerge, unsetEnv  []string
	envHost, unsetEnvAll, httpProxy    bool
	entrypoint, workdir, user, umask   string
	groupAdd, attach                   []string
	interactive, tty, sigProxy, init   bool
	preserveFDs                        uint
	preserveFD                         []string
	oomScoreAdj                        string
	ulimits                            []string
	capAdd, capDrop, security, sysctls []string
	privileged                         bool

	// its surroundings
	hostname, domainname     string
	pid, ipc, uts, cgroupns  string
	networks                 []string
	net                      networkFlags
	volumes, mounts, tmpfs   []string
	devices, secrets         []string
	gpus, deviceRules        []string
	volumesFrom              []string
	volumeDriver             string
	imageVolume, shmSize, tz string
	readOnly, readOnlyTmpfs  bool
	cgroups, cgroupParent    string
	memory, memorySwap       string
	memoryReservation        string
	cpus, cpusetCPUs         string
	cpusetMems, pidsLimit    string
	cpuShares, cpuPeriod     uint64
	cpuQuota                 int64
	blkioWeight              string
	readBps, writeBps        []string
	readIOps, writeIOps      []string
	weightDevice, cgroupConf []string
	personality, systemd     string
	shmSystemd               string
	chrootDirs, requires     []string
	isHelp                   bool

	// what becomes of it
	detach     bool
	detachKeys string
	restart    string
	logDriver  string
	sdnotify   string
	logOpts    []string
	health     healthFlags
	ids        idFlags
}

// AddRun declares the flags of run: those of create, and what is about the first start.
func (f *Flags) AddRun(flags *pflag.FlagSet) {
	f.Add(flags)
	flags.BoolVar(&f.rmi, "rmi", false, "Remove the image, too, when the container has ended, unless another one needs it (implies --rm)")
	flags.BoolVarP(&f.detach, "detach", "d", false, "Leave the container running in the background, and print its id")
	flags.StringVar(&f.detachKeys, "detach-keys", parse.DefaultDetachKeys, `Keys that leave a container running whose terminal is attached; "" for none`)
	flags.BoolVar(&f.sigProxy, "sig-proxy", true, "Pass signals on to the container's first process")
	flags.UintVar(&f.preserveFDs, "preserve-fds", 0, "Pass on so many file descriptors from 3 on")
	cli.WordsVar(flags, &f.preserveFD, "preserve-fd", "", "Pass on file descriptors by their numbers: 3,7")
}

// Add declares the flags that run and create share: docker's and podman's names and short
// forms.
func (f *Flags) Add(flags *pflag.FlagSet) {
	flags.SetInterspersed(false) // what follows the image belongs to the command
	// -h is the host name, so --help has no short form here.
	flags.BoolVar(&f.isHelp, "help", false, "Show this help")
	f.addContainer(flags)
	f.addProcess(flags)
	f.addSecurity(flags)
	f.addNamespaces(flags)
	f.net.add(flags)
	f.addFiles(flags)
	f.addLimits(flags)
	f.ids.add(flags)
	f.health.add(flags)
	f.sigProxy = true // of a container that create makes, start --sig-proxy decides

	addNoOps(flags)
	cli.AddRefusals(flags, refusals())
}

func (f *Flags) addContainer(flags *pflag.FlagSet) {
	flags.StringVar(&f.name, "name", "", "Name of the container (default a made-up one)")
	flags.BoolVar(&f.replace, "replace", false, "Remove a container that has the name first")
	flags.BoolVar(&f.rm, "rm", false, "Remove the container when it has ended")
	cli.ListVar(flags, &f.labels, "label", "l", "Set a label: KEY=VALUE")
	cli.ListVar(flags, &f.labelFiles, "label-file", "", "Read labels from a file, one a line")
	cli.ListVar(flags, &f.annotations, "annotation", "", "Set an OCI annotation: KEY=VALUE")
	flags.StringVar(&f.cidfile, "cidfile", "", "Write the container's id to a new file")
	flags.StringVar(&f.pidfile, "pidfile", "", "Write the pid of the container's first process to a file")
	flags.StringVar(&f.pull, "pull", "missing", "Pull the image: always, missing, never or newer")
	f.registry.Pull(flags)
	f.platform.Add(flags)
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "Do not show the progress of a pull")
	flags.BoolVar(&f.rootfs, "rootfs", false, "The first argument is a directory PATH[:O] to use as the root filesystem, not an image; with :O it is left unchanged")
	flags.UintVar(&f.timeout, "timeout", 0, "Kill the container after so many seconds (0 is never)")
	flags.UintVar(&f.stopTimeout, "stop-timeout", 10, "Seconds between the stop signal and SIGKILL")
	cli.WordsVar(flags, &f.requires, "requires", "", "Containers to start before this one, by name or id")
	flags.StringVar(&f.systemd, "systemd", "true", "Prepare for systemd as the command: true, where it is one; false; always")
	flags.StringVar(&f.stopSignal, "stop-signal", "", "Signal that stops the container (default the image's or SIGTERM)")
	flags.StringVar(&f.logDriver, "log-driver", "", "Where its output goes: k8s-file, json-file, journald, none or passthrough (default k8s-file; of the unit of a quadlet journald)")
	cli.ListVar(flags, &f.logOpts, "log-opt", "", "max-size=SIZE, max-file=N, path=FILE, tag=TEXT")
	flags.StringVar(&f.sdnotify, "sdnotify", "", NotifyHelp+" (default container)")
	flags.StringVar(&f.restart, "restart", "", "Start it anew when it ends: no, on-failure[:N], always or unless-stopped (default no)")
}

func (f *Flags) addProcess(flags *pflag.FlagSet) {
	cli.ListVar(flags, &f.env, "env", "e", "Set a variable: KEY=VALUE, KEY or KEY* for the caller's own")
	cli.ListVar(flags, &f.envFiles, "env-file", "", "Read variables from a file, one a line")
	flags.BoolVar(&f.envHost, "env-host", false, "Pass on all of the caller's variables")
	cli.ListVar(flags, &f.envMerge, "env-merge", "", "Set a variable from the image's: PATH=${PATH}:/app")
	cli.ListVar(flags, &f.unsetEnv, "unsetenv", "", "Leave out a variable that the image or rc would set")
	flags.BoolVar(&f.unsetEnvAll, "unsetenv-all", false, "Leave out all variables that the image or rc would set")
	flags.BoolVar(&f.httpProxy, "http-proxy", true, "Pass on the caller's proxy variables")
	flags.StringVar(&f.entrypoint, "entrypoint", "", `Program to run instead of the image's, or a JSON array; "" for none`)
	flags.StringVarP(&f.workdir, "workdir", "w", "", "Working directory in the container")
	flags.StringVarP(&f.user, "user", "u", "", "User to run as: NAME|UID[:GROUP|GID]")
	cli.WordsVar(flags, &f.groupAdd, "group-add", "", "Further groups by name or number, or keep-groups for the caller's own")
	flags.StringVar(&f.umask, "umask", "", "File mode creation mask (default 0022)")
	cli.WordsVar(flags, &f.attach, "attach", "a", "Attach only to stdin, stdout or stderr")
	flags.BoolVarP(&f.interactive, "interactive", "i", false, "Keep standard input open")
	flags.BoolVarP(&f.tty, "tty", "t", false, "Give the container a terminal")
	flags.BoolVar(&f.init, "init", false, "Run a small init as the first process, which reaps and forwards signals")
	flags.StringVar(&f.tz, "tz", "", "Time zone, or local for the host's")
}

func (f *Flags) addSecurity(flags *pflag.FlagSet) {
	cli.WordsVar(flags, &f.capAdd, "cap-add", "", "Add a capability, or ALL")
	cli.WordsVar(flags, &f.capDrop, "cap-drop", "", "Drop a capability, or ALL")
	flags.BoolVar(&f.privileged, "privileged", false, "All capabilities, devices and writable /proc and /sys, as far as you have them yourself")
	cli.ListVar(flags, &f.security, "security-opt", "", "seccomp=FILE|unconfined, no-new-privileges, mask=PATHS, unmask=PATHS|ALL, proc-opts=OPTIONS")
	flags.StringVar(&f.personality, "personality", "", "Execution domain: LINUX, or LINUX32, for which the machine is a 32-bit one")
	cli.WordsVar(flags, &f.sysctls, "sysctl", "", "Set a kernel parameter of the container's namespaces: KEY=VALUE")
}

func (f *Flags) addNamespaces(flags *pflag.FlagSet) {
	flags.StringVarP(&f.hostname, "hostname", "h", "", "Host name (default the first 12 digits of the id)")
	flags.StringVar(&f.domainname, "domainname", "", "NIS domain name")
	flags.StringVar(&f.pid, "pid", "", "Process namespace: private or host")
	flags.StringVar(&f.ipc, "ipc", "", "IPC namespace: private (shareable is the same), none for one without /dev/shm, or host")
	flags.StringVar(&f.uts, "uts", "", "UTS namespace: private or host")
	flags.StringVar(&f.cgroupns, "cgroupns", "", "Cgroup namespace: private or host")
	cli.ListVar(flags, &f.networks, "network", "", "How it is connected: private, pasta[:OPTIONS], slirp4netns[:OPTIONS], none, host, container:NAME, ns:PATH, or NAME[:OPTIONS] for each network")
	cli.ListVar(flags, &f.networks, "net", "", "Network")
	flags.Lookup("net").Hidden = true
}

func (f *Flags) addFiles(flags *pflag.FlagSet) {
	cli.ListVar(flags, &f.volumes, "volume", "v", "Mount a volume, or a directory or file of the host: [SRC:]DST[:OPTIONS]")
	cli.ListVar(flags, &f.mounts, "mount", "", "Mount: type=bind|volume|image|tmpfs|ramfs|devpts|glob,src=…,dst=…[,ro]…")
	cli.ListVar(flags, &f.volumesFrom, "volumes-from", "", "Mount what another container has mounted: CONTAINER[:ro|rw]")
	flags.StringVar(&f.volumeDriver, "volume-driver", "", "Driver of new volumes: local is the only one")
	cli.ListVar(flags, &f.tmpfs, "tmpfs", "", "Mount a tmpfs: PATH[:OPTIONS]")
	cli.WordsVar(flags, &f.devices, "device", "", "Show a device of the host: HOST[:CONTAINER], or a CDI device: VENDOR/CLASS=NAME")
	cli.ListVar(flags, &f.gpus, "gpus", "", "Show NVIDIA GPUs by their CDI names: all, or numbers or UUIDs with commas between them")
	cli.ListVar(flags, &f.deviceRules, "device-cgroup-rule", "", "Refused: only root can let a cgroup use devices")
	cli.Must(flags.MarkHidden("device-cgroup-rule"))
	cli.ListVar(flags, &f.secrets, "secret", "", "Give it a secret, as a file in /run/secrets or as a variable: NAME[,type=mount|env][,target=…][,uid=…][,gid=…][,mode=…]")
	flags.StringVar(&f.imageVolume, "image-volume", "anonymous", "What becomes of the image's volumes: anonymous (bind is the same), tmpfs or ignore")
	flags.BoolVar(&f.readOnly, "read-only", false, "Make the root filesystem read-only")
	flags.BoolVar(&f.readOnlyTmpfs, "read-only-tmpfs", true, "With --read-only, mount a tmpfs on /run, /tmp and /var/tmp; without it, /dev and /dev/shm are read-only too")
	cli.WordsVar(flags, &f.chrootDirs, "chrootdirs", "", "Directories of the container in which /etc/hosts, /etc/resolv.conf and /etc/hostname are shown, too")
	flags.StringVar(&f.shmSystemd, "shm-size-systemd", "", "Size of each tmpfs for systemd as the command, 0 for no limit (default 64m)")
	flags.StringVar(&f.shmSize, "shm-size", "", "Size of /dev/shm (default 64m)")
}

func (f *Flags) addLimits(flags *pflag.FlagSet) {
	cli.WordsVar(flags, &f.ulimits, "ulimit", "", "Limit of a process: NAME=SOFT[:HARD], or host for the caller's own")
	flags.StringVar(&f.oomScoreAdj, "oom-score-adj", "", "How early the kernel kills it when memory is short: -1000 to 1000")
	flags.StringVar(&f.cgroups, "cgroups", "", "Cgroup of the container: enabled, disabled or split (default enabled)")
	cli.ListVar(flags, &f.cgroupConf, "cgroup-conf", "", "Write to a file of the container's cgroup: memory.high=1073741824")
	flags.StringVar(&f.cgroupParent, "cgroup-parent", "", "Slice or directory for the container's cgroup")
	f.AddResources(flags)
}

// AddResources declares the limits that rc update has, too.
func (f *Flags) AddResources(flags *pflag.FlagSet) {
	flags.StringVarP(&f.memory, "memory", "m", "", "Memory limit: a number with b, k, m, g or t")
	flags.StringVar(&f.memorySwap, "memory-swap", "", "Limit of memory and swap together, -1 for none (default twice the memory)")
	flags.StringVar(&f.memoryReservation, "memory-reservation", "", "Memory that is reclaimed last")
	flags.StringVar(&f.cpus, "cpus", "", "Number of processors, such as 1.5")
	flags.Uint64VarP(&f.cpuShares, "cpu-shares", "c", 0, "Share of the processors where they are short (1024 is usual)")
	flags.Uint64Var(&f.cpuPeriod, "cpu-period", 0, "Period of --cpu-quota in microseconds")
	flags.Int64Var(&f.cpuQuota, "cpu-quota", 0, "Processor time in microseconds per period")
	flags.StringVar(&f.cpusetCPUs, "cpuset-cpus", "", "Processors to run on: 0-3,7")
	flags.StringVar(&f.cpusetMems, "cpuset-mems", "", "Memory nodes to use: 0-1")
	flags.StringVar(&f.pidsLimit, "pids-limit", "", "Number of processes, -1 for no limit")
	flags.StringVar(&f.blkioWeight, "blkio-weight", "", "Share of block devices: 10 to 1000")
	cli.WordsVar(flags, &f.weightDevice, "blkio-weight-device", "", "Share of one block device: DEVICE:WEIGHT, 10 to 1000")
	cli.WordsVar(flags, &f.readBps, "device-read-bps", "", "Limit reading: DEVICE:BYTES per second")
	cli.WordsVar(flags, &f.writeBps, "device-write-bps", "", "Limit writing: DEVICE:BYTES per second")
	cli.WordsVar(flags, &f.readIOps, "device-read-iops", "", "Limit reading: DEVICE:OPERATIONS per second")
	cli.WordsVar(flags, &f.writeIOps, "device-write-iops", "", "Limit writing: DEVICE:OPERATIONS per second")
}

// NotifyHelp is about run's and start's flag.
const NotifyHelp = "In a systemd unit of Type=notify, say that it has started: conmon, when the container runs; container, by what runs in it; healthy, when its healthcheck succeeds; ignore, not at all"

// noOp is something that rc accepts and that has no effect.
type noOp struct{ what, why string }

// noOps is what run accepts for the sake of scripts written for docker and podman. Its
// help lists them; nothing else is silently ignored.
func noOps() []noOp {
	return []noOp{
		{"--disable-content-trust", "rc has no docker content trust; policy.json decides what may be pulled"},
		{"-v …:z, -v …:Z, --mount relabel=", "rc does not label files for SELinux"},
		{"-v …:copy, -v DIR:…:nocopy", "volumes are filled anyway, directories of the host never"},
		{"--volumes-from …:z", "rc does not label files for SELinux"},
		{"--mount consistency=", "it is for Docker Desktop"},
		{"--security-opt label=disable", "rc sets no SELinux label"},
		{"--security-opt apparmor=unconfined", "rc sets no AppArmor profile"},
	}
}

// NoOpHelp is what the help says of them.
func NoOpHelp() string {
	var text strings.Builder
	for _, n := range noOps() {
		text.WriteString("  " + n.what + ": " + n.why + "\n")
	}
	return text.String()
}

// addNoOps declares those that are flags.
func addNoOps(flags *pflag.FlagSet) {
	for _, n := range noOps() {
		if name, ok := flagName(n.what); ok {
			flags.Bool(name, true, "Without effect: "+n.why)
			flags.Lookup(name).Hidden = true
		}
	}
}

// flagName is NAME of exactly "--NAME".
func flagName(what string) (string, bool) {
	if len(what) < 3 || what[:2] != "--" {
		return "", false
	}
	for _, r := range what[2:] {
		if r != '-' && (r < 'a' || r > 'z') {
			return "", false
		}
	}
	return what[2:], true
}
