package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/machine"
)

// deviceChecks are what is to be there for file systems and networks: devices, programs, sysctls.
func deviceChecks() []Check {
	return []Check{
		{
			Name: "fuse", Title: "/dev/fuse and fuse-overlayfs", Run: checkFuse,
			Why: "fuse-overlayfs mounts a container's root where the kernel cannot, and where it has to show files with other owners (--userns keep-id)",
		},
		{
			Name: "tun", Title: "/dev/net/tun", Run: checkTun,
			Why: "a container's network begins at an interface that slirp4netns or pasta makes with it",
		},
		{
			Name: "helpers", Title: "the programs of others that rc calls", Run: checkHelpers,
			Why: "rc has no network, no fuse mounts and no maps without them",
		},
		{
			Name: "ping", Title: "net.ipv4.ping_group_range", Run: checkPing,
			Why: "pings of containers leave by a kind of socket that only these groups may make",
		},
		{
			Name: "ports", Title: "net.ipv4.ip_unprivileged_port_start", Run: checkPorts,
			Why: "lower ports cannot be published",
		},
		{
			Name: "resolv", Title: "/etc/resolv.conf", Run: checkResolv,
			Why: "containers ask the name servers that it names",
		},
		{
			Name: "rlimits", Title: "limits on open files and processes", Run: checkRlimits,
			Why: "a container has no higher limits than you, and rc itself opens a file for each port, stream and namespace",
		},
	}
}

// device opens one as its user would; "" is success.
func (h *Host) device(path, module string) *Finding {
	f, err := os.OpenFile(h.path(path), os.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		f.Close()
		return nil
	}
	cause := errors.Unwrap(err)
	out := problem(fmt.Sprintf("open %s: %v", path, cause))
	switch {
	case errors.Is(err, fs.ErrPermission):
		out = out.mend("sudo chmod 666 " + path)
	case h.exists("/.dockerenv") || h.exists("/run/.containerenv"):
		out = out.advise("start the surrounding container with --device " + path)
	default:
		out = out.mend(fmt.Sprintf("sudo modprobe %s && echo %s | sudo tee /etc/modules-load.d/rc-%s.conf", module, module, module))
	}
	return &out
}

func checkFuse(_ context.Context, h *Host) []Finding {
	var out []Finding
	if f := h.device("/dev/fuse", "fuse"); f != nil {
		f.State = Warning // whether it is needed, overlay says
		out = append(out, *f)
	}
	path := h.helper("fuse-overlayfs")
	if path == "" {
		out = append(out, warning("fuse-overlayfs is not installed").installing(h, "fuse-overlayfs"))
	}
	if out == nil {
		out = append(out, ok("/dev/fuse can be opened, %s is there", path))
	}
	return out
}

func checkTun(_ context.Context, h *Host) []Finding {
	if f := h.device("/dev/net/tun", "tun"); f != nil {
		return []Finding{*f}
	}
	return []Finding{ok("it can be opened")}
}

func checkHelpers(ctx context.Context, h *Host) []Finding {
	var dirs []string
	if h.Config != nil {
		dirs = h.Config.Containers.HelperDirs
	}
	names := []string{"fuse-overlayfs", "slirp4netns", "pasta", "nsenter", "git"}
	found := machine.StartVersions(ctx, dirs, names...)()
	var out []Finding
	slirp, pasta := found["slirp4netns"].Path, found["pasta"].Path
	switch {
	case slirp == "" && pasta == "":
		out = append(out, problem("neither slirp4netns nor pasta is installed: containers have no network").installing(h, "slirp4netns"))
	case slirp == "":
		out = append(out, warning("slirp4netns is not installed: every container's network is pasta's, which takes longer to start").installing(h, "slirp4netns"))
	case pasta == "":
		out = append(out, warning("pasta is not installed: published ports are slower, and containers do not see their clients' addresses").installing(h, "pasta"))
	}
	if found["nsenter"].Path == "" {
		out = append(out, warning("nsenter is not installed: rc exec cannot enter containers with maps of their own").installing(h, "nsenter"))
	}
	if found["git"].Path == "" {
		out = append(out, warning("git is not installed: rc build cannot take its context from a repository").installing(h, "git"))
	}
	if out != nil {
		return out
	}
	var versions []string
	for _, name := range names {
		if p := found[name]; p.Path != "" {
			versions = append(versions, strings.TrimSpace(name+" "+number(p.Version)))
		}
	}
	return []Finding{ok("%s", strings.Join(versions, ", "))}
}

// number is the word of a version's line that begins like one, "" for none.
func number(line string) string {
	for word := range strings.FieldsSeq(line) {
		if word = strings.TrimPrefix(word, "v"); word != "" && word[0] >= '0' && word[0] <= '9' {
			return strings.Trim(word, ",;()")
		}
	}
	return ""
}

func checkPing(_ context.Context, h *Host) []Finding {
	low, high, allowed, err := machine.PingRange(h.path(machine.PingRangePath), machine.Groups())
	switch {
	case err != nil:
		return []Finding{warning("it cannot be read: " + err.Error())}
	case !allowed:
		return []Finding{warning(fmt.Sprintf("it is %d %d, which none of your groups is in: ping works to the host only", low, high)).
			mend(setSysctl("net.ipv4.ping_group_range", "0 2147483647"))}
	}
	return []Finding{ok("%d to %d, which a group of yours is in", low, high)}
}

func checkPorts(_ context.Context, h *Host) []Finding {
	start := h.sysctl("net.ipv4.ip_unprivileged_port_start")
	switch start {
	case "":
		return []Finding{ok("ports from 1024 on can be published")} // before Linux 4.11
	case "0":
		return []Finding{ok("all ports can be published")}
	}
	return []Finding{ok("ports from %s on can be published (sudo sysctl net.ipv4.ip_unprivileged_port_start=80 allows more)", start)}
}

func checkResolv(_ context.Context, h *Host) []Finding {
	const path = "/etc/resolv.conf"
	data, err := os.ReadFile(h.path(path))
	if err != nil {
		f := warning(err.Error())
		if target, linkErr := os.Readlink(h.path(path)); linkErr == nil {
			f = warning(fmt.Sprintf("%s is a link to %s, which cannot be read", path, target))
			if strings.Contains(target, "systemd/resolve") {
				return []Finding{f.mend("sudo systemctl enable --now systemd-resolved")}
			}
		}
		return []Finding{f.advise("let the network's manager write it, or write a line: nameserver ADDRESS")}
	}
	var servers []string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" && !slices.Contains(servers, f[1]) {
			servers = append(servers, f[1])
		}
	}
	if len(servers) == 0 {
		return []Finding{warning(path + " names no server: no name can be resolved, here or in containers").advise("let the network's manager write it, or write a line: nameserver ADDRESS")}
	}
	return []Finding{ok("it names %s", strings.Join(servers, ", "))}
}

// Fewer than these are known to end in errors: a shell's usual soft limit, and a few hundred processes for a
// container with a build in it.
const (
	fewFiles     = 1024
	fewProcesses = 512
)

func checkRlimits(_ context.Context, h *Host) []Finding {
	var files, processes unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return []Finding{warning(err.Error())}
	}
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &processes); err != nil {
		return []Finding{warning(err.Error())}
	}
	return h.judgeRlimits(files.Max, processes.Max)
}

// judgeRlimits judges the hard limits: the soft one on files Go's programs raise to it by themselves.
func (h *Host) judgeRlimits(files, processes uint64) []Finding {
	var out []Finding
	raise := func(name, value string) string {
		const dir = "/etc/systemd/system/user@.service.d"
		return fmt.Sprintf("sudo mkdir -p %s && printf '[Service]\\nLimit%s=%s\\n' | sudo tee %s/limit%s.conf && sudo systemctl daemon-reload", dir, name, value, dir, strings.ToLower(name))
	}
	if !h.systemd() { // limits.conf(5)
		raise = func(name, value string) string {
			return fmt.Sprintf("echo '%s - %s %s' | sudo tee -a /etc/security/limits.d/90-rc.conf", h.user, strings.ToLower(name), value)
		}
	}
	const then = "then log out of all sessions and in again"
	if files < fewFiles {
		out = append(out, warning(fmt.Sprintf("at most %d files can be open", files)).mend(raise("NOFILE", "1048576")).advise(then))
	}
	if processes < fewProcesses {
		out = append(out, warning(fmt.Sprintf("at most %d processes can run", processes)).mend(raise("NPROC", "infinity")).advise(then))
	}
	if out == nil {
		out = append(out, ok("up to %s open files, %s processes", limit(files), limit(processes)))
	}
	return out
}

func limit(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// storageLimit is for checks that write to a disk.
const storageLimit = 30 * time.Second
