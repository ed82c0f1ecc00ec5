package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/systemd"
	"github.com/rc-containers/rc/pkg/userns"
)

// patience is how long rc info waits for a program to tell its version.
const patience = time.Second

// hostFacts are about the machine and what its user may do.
func hostFacts(ctx context.Context, a *cli.App) hostInfo {
	cfg := a.Config
	info := hostInfo{
		Arch: runtime.GOARCH, OS: runtime.GOOS, CPUs: runtime.NumCPU(),
		CgroupManager: cfg.CgroupManager, Distribution: distribution("/etc/os-release"),
		IDMappings: idMaps(ctx), Security: securityFacts(cfg),
	}
	info.NetworkBackend = cfg.Containers.NetworkCommand
	if info.NetworkBackend == "" {
		info.NetworkBackend, _ = network.Default(network.ThisMachine(exec.LookPath), false) // "" is neither
	}
	info.Ping = pingFacts("/proc/sys/net/ipv4/ping_group_range", append([]int{os.Getegid()}, groups()...))
	if start, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil {
		info.UnprivilegedPorts = "from " + strings.TrimSpace(string(start))
	}
	info.Hostname, _ = os.Hostname()
	info.CgroupVersion, info.CgroupControllers = cgroupFacts(ctx)
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		info.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	memory := memoryFacts("/proc/meminfo")
	info.MemTotal, info.MemFree = memory["MemTotal"], memory["MemFree"]
	info.SwapTotal, info.SwapFree = memory["SwapTotal"], memory["SwapFree"]
	var sys unix.Sysinfo_t
	if unix.Sysinfo(&sys) == nil {
		info.Uptime = uptime(time.Duration(sys.Uptime) * time.Second)
	}
	info.OCIRuntime = programInfo{Name: "rc-shim", Version: Version(a)}
	info.OCIRuntime.Path, _ = config.Program("rc-shim") // "" is not installed
	return info
}

func groups() []int {
	gids, _ := os.Getgroups() // none are none
	return gids
}

// pingFacts says whether containers can ping others than the host: slirp4netns and pasta do it for
// them by a kind of socket that icmp(7)'s ping_group_range allows by the user's groups.
func pingFacts(path string, gids []int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	var low, high int
	if _, err := fmt.Sscan(string(data), &low, &high); err != nil {
		return "unknown"
	}
	for _, gid := range gids {
		if gid >= low && gid <= high {
			return "yes"
		}
	}
	return fmt.Sprintf("no: net.ipv4.ping_group_range is %d %d; sudo sysctl net.ipv4.ping_group_range='0 2147483647' (for good: a file in /etc/sysctl.d)", low, high)
}

// uptime is written as podman does: 3h 4m 5.00s, with days where there are some.
func uptime(d time.Duration) string {
	hours := int(d.Hours())
	text := fmt.Sprintf("%dh %dm %.2fs", hours, int(d.Minutes())%60, (d % time.Minute).Seconds())
	if hours >= 24 {
		text += fmt.Sprintf(" (Approximately %.2f days)", d.Hours()/24)
	}
	return text
}

// distribution reads os-release(5).
func distribution(path string) distributionInfo {
	data, err := os.ReadFile(path)
	if err != nil {
		return distributionInfo{Distribution: "unknown", Version: "unknown"}
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = strings.Trim(value, `"'`)
	}
	return distributionInfo{Codename: values["VERSION_CODENAME"], Distribution: values["ID"], Version: values["VERSION_ID"]}
}

// memoryFacts reads proc_meminfo(5) into bytes.
func memoryFacts(path string) map[string]uint64 {
	out := map[string]uint64{}
	data, err := os.ReadFile(path)
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		if n, err := strconv.ParseUint(number, 10, 64); err == nil {
			out[key] = n * 1024
		}
	}
	return out
}

// idMaps is the map that containers get.
func idMaps(ctx context.Context) idMappings {
	m, err := userns.DefaultMap(ctx)
	if err != nil {
		return idMappings{Problem: err.Error()}
	}
	out := idMappings{UIDMap: idMapOf(m.UIDs), GIDMap: idMapOf(m.GIDs)}
	if m.Single() {
		out.Problem = m.Notice()
	}
	return out
}

func idMapOf(extents []specs.LinuxIDMapping) []idMapping {
	var out []idMapping
	for _, extent := range extents {
		out = append(out, idMapping(extent))
	}
	return out
}

// cgroupFacts are the version, and the controllers that a container's cgroup can have:
// those that systemd's user manager has been given, else those of the cgroup that rc is in.
func cgroupFacts(ctx context.Context) (version string, controllers []string) {
	hierarchy, err := cgroup.Find()
	if err != nil {
		return "v1", nil
	}
	path := ""
	if conn, err := systemd.Connect(ctx, os.Getuid()); err == nil {
		path, _ = conn.ManagerCgroup(ctx)
		_ = conn.Close() // nothing was asked that could get lost
	}
	dir, err := hierarchy.Dir(path)
	if path == "" || err != nil {
		if dir, err = hierarchy.Own(0); err != nil {
			return "v2", nil
		}
	}
	controllers, _ = cgroup.Controllers(dir)
	return "v2", controllers
}

func securityFacts(cfg *config.Config) securityInfo {
	exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
	enabled, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	capabilities := cfg.Containers.Capabilities
	if capabilities == nil {
		capabilities = oci.DefaultCapabilities()
	}
	profile := cfg.Containers.SeccompProfile
	if profile == "" {
		profile = "default"
	}
	return securityInfo{
		AppArmorEnabled: strings.HasPrefix(string(enabled), "Y"),
		Capabilities:    strings.Join(capabilities, ","),
		Rootless:        os.Getuid() != 0,
		// prctl(2): EFAULT says that the kernel knows filters, EINVAL that it does not.
		SeccompEnabled:     unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, 0, 0, 0) == unix.EFAULT,
		SeccompProfilePath: profile,
		SELinuxEnabled:     exists("/sys/fs/selinux/enforce"),
	}
}

// startVersions asks programs for their versions, all at once; the result waits for them.
func startVersions(ctx context.Context, dirs []string, names ...string) func() map[string]programInfo {
	found := make([]programInfo, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() { found[i] = programVersion(ctx, dirs, name) })
	}
	return func() map[string]programInfo {
		wait.Wait()
		out := map[string]programInfo{}
		for i, name := range names {
			out[name] = found[i]
		}
		return out
	}
}

// programVersion is the first line that NAME --version prints.
func programVersion(ctx context.Context, dirs []string, name string) programInfo {
	info := programInfo{Name: name}
	var err error
	if info.Path, err = exec.LookPath(name); err != nil {
		for _, dir := range dirs {
			if info.Path, err = exec.LookPath(filepath.Join(dir, name)); err == nil {
				break
			}
		}
	}
	if err != nil {
		return programInfo{Name: name}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, info.Path, "--version")
	cmd.WaitDelay = patience / 10 // a grandchild may hold the pipe open
	out, err := cmd.CombinedOutput()
	if err != nil {
		info.Version = "unknown: " + err.Error()
		return info
	}
	line, _, _ := strings.Cut(string(out), "\n")
	info.Version = strings.TrimSpace(line)
	return info
}
