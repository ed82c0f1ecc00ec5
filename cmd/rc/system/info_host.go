package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/systemd"
	"github.com/rc-containers/rc/pkg/userns"
)

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
	info.Ping = pingFacts(machine.PingRangePath, machine.Groups())
	if start, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil {
		info.UnprivilegedPorts = "from " + strings.TrimSpace(string(start))
	}
	info.Hostname, _ = os.Hostname()
	info.CgroupVersion, info.CgroupControllers = cgroupFacts(ctx)
	info.Kernel = machine.Kernel()
	memory := memoryFacts("/proc/meminfo")
	info.MemTotal, info.MemFree = memory["MemTotal"], memory["MemFree"]
	info.SwapTotal, info.SwapFree = memory["SwapTotal"], memory["SwapFree"]
	var sys unix.Sysinfo_t
	if unix.Sysinfo(&sys) == nil {
		info.Uptime = uptime(time.Duration(sys.Uptime) * time.Second)
	}
	info.OCIRuntime = machine.Program{Name: "rc-shim", Version: Version(a)}
	info.OCIRuntime.Path, _ = config.Program("rc-shim") // "" is not installed
	return info
}

// pingFacts says whether containers can ping others than the host.
func pingFacts(path string, gids []int) string {
	low, high, allowed, err := machine.PingRange(path, gids)
	switch {
	case err != nil:
		return "unknown"
	case allowed:
		return "yes"
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

func distribution(path string) distributionInfo {
	d := machine.ReadDistribution(path)
	return distributionInfo{Codename: d.Codename, Distribution: d.ID, Version: d.Version}
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
