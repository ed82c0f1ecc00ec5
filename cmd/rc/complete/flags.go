package complete

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Flags gives every flag of cmd and its verbs a completion, by its name, that has none of its own.
func Flags(a *cli.App, cmd *cobra.Command) {
	known := byName(a)
	walk(cmd, known)
}

func walk(cmd *cobra.Command, known map[string]cli.Completion) {
	give := func(flag *pflag.Flag) {
		f, ok := known[flag.Name]
		if _, has := cmd.GetFlagCompletionFunc(flag.Name); !ok || has || !TakesValue(flag) || hasFiles(flag) {
			return
		}
		cli.Must(cmd.RegisterFlagCompletionFunc(flag.Name, f))
	}
	cmd.PersistentFlags().VisitAll(give)
	cmd.Flags().VisitAll(give)
	for _, sub := range cmd.Commands() {
		walk(sub, known)
	}
}

// TakesValue tells whether a flag is more than a switch.
func TakesValue(flag *pflag.Flag) bool {
	return flag.NoOptDefVal == "" && !cli.IsRefused(flag)
}

// hasFiles tells that cobra's own marks say which files a flag takes.
func hasFiles(flag *pflag.Flag) bool {
	return flag.Annotations[cobra.BashCompFilenameExt] != nil || flag.Annotations[cobra.BashCompSubdirsInDir] != nil
}

// FreeText are flags whose values nobody but the user knows. Of all others there must be a
// completion: a test walks through the verbs.
func FreeText() []string {
	return []string{
		// names and texts
		"name", "alias", "network-alias", "net-alias", "label", "annotation", "author", "message", "hostname", "domainname", "entrypoint", "env-merge",
		"passwd-entry", "group-entry", "workdir", "username", "password", "creds", "health-startup-cmd", "driver-opts", "interface-name",
		"features", "os-features", "os-version", "new-runtime", "chrootdirs",
		// numbers and sizes
		"memory", "memory-swap", "memory-reservation", "shm-size", "shm-size-systemd", "cpus", "cpu-shares", "cpu-period", "cpu-quota", "pids-limit",
		"blkio-weight", "oom-score-adj", "umask", "retry", "preserve-fds", "preserve-fd", "limit", "last", "max", "compression-level", "uid", "gid", "uidmap", "gidmap",
		"health-retries", "health-startup-retries", "health-startup-success", "health-max-log-count", "health-max-log-size",
		// times
		"time", "timeout", "stop-timeout", "retry-delay", "interval", "watch", "since", "until",
		"health-timeout", "health-start-period", "health-start-interval", "health-startup-timeout",
		// addresses and ports
		"publish", "expose", "ip", "ip6", "mac-address", "subnet", "gateway", "ip-range", "route", "dns-add", "dns-drop",
	}
}

// byName are the completions of flags that mean the same everywhere.
func byName(a *cli.App) map[string]cli.Completion {
	known := map[string]cli.Completion{
		"network": networks(a), "net": networks(a), "add-host": hostEntry, "dns": dnsServers,
		"dns-search": words("."), "dns-option": dnsOptions(), "dns-opt": dnsOptions(),
		"network-rate": cli.CompleteKeys([]string{"in", "out", "burst"}, nil),
		"volume":       volume(a), "mount": mountFlag(a), "tmpfs": tmpfs, "volumes-from": volumesFrom(a), "secret": secrets(a),
		"volume-driver": words(spec.DriverLocal), "image-volume": imageVolumes(), "device": devices(a), "gpus": words("all"),
		"userns": userNamespaces(a), "user": users(a), "hostuser": hostUsers, "subuidname": subordinates("/etc/subuid"), "subgidname": subordinates("/etc/subgid"),
		"group-add": groups, "security-opt": securityOptions, "cap-add": capabilities(), "cap-drop": capabilities(),
		"ulimit": ulimits(), "sysctl": sysctls, "cpuset-cpus": processors, "cpuset-mems": memoryNodes, "cgroup-parent": userSlices,
		"env": environment, "unsetenv": words("PATH", "HOME", "HOSTNAME", "TERM", "container"),
		"signal": words(signals()...), "stop-signal": words(signals()...), "detach-keys": words(parse.DefaultDetachKeys), "tz": timezones("/usr/share/zoneinfo"),
		"pull": pullPolicies(), "policy": pullPolicies(), "restart": restartPolicies(), "log-driver": logDrivers(), "log-opt": logOptions,
		"systemd": words("true\twhere the command is systemd", "false", "always"), "personality": words("LINUX", "LINUX32"),
		"cgroup-conf": cli.CompleteKeys([]string{"cgroup.max.depth", "cgroup.max.descendants", "cpu.weight.nice", "memory.high", "memory.min", "memory.oom.group"}, nil),
		"requires":    cli.CompleteContainers(a, 0, cli.AnyState),
		"sdnotify":    notifyModes(), "cgroups": cgroupModes(), "attach": words("stdin", "stdout", "stderr"), "tail": words("all"),
		"health-on-failure": healthActions(), "health-interval": words(spec.HealthDisable), "health-startup-interval": words(spec.HealthDisable),
		"health-cmd": words("none"), "health-log-destination": words("local"),
		"platform": words(cli.Platforms()...), "os": words("linux"), "variant": words("v5", "v6", "v7", "v8"),
		"arch":               words("amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"),
		"compression-format": words("gzip", "zstd"),
		"storage-driver":     words("overlay"), "cgroup-manager": words(config.CgroupManagers()...), "log-level": words(config.LogLevels()...),
		"storage-opt": words("mount_program=auto", "mount_program=native", "mount_program=fuse-overlayfs"),
	}
	for _, flag := range []string{"pid", "ipc", "uts", "cgroupns"} {
		known[flag] = words("private\ta namespace of its own", "host\tthe host's")
	}
	known["ipc"] = words("private\ta namespace of its own", "none\tthat without /dev/shm", "host\tthe host's")
	for _, flag := range []string{"device-read-bps", "device-write-bps", "device-read-iops", "device-write-iops", "blkio-weight-device"} {
		known[flag] = blockDevices
	}
	for _, flag := range []string{
		"file", "authfile", "compat-auth-file", "signature-policy", "decryption-key", "cidfile", "pidfile", "iidfile", "digestfile",
		"env-file", "label-file", "hosts-file", "config", "input", "output", "module",
	} {
		known[flag] = cli.CompleteFiles
	}
	for _, flag := range []string{"root", "runroot", "tmpdir", "cdi-spec-dir", "hooks-dir", "cert-dir"} {
		known[flag] = directories
	}
	for _, flag := range FreeText() {
		known[flag] = cobra.NoFileCompletions
	}
	return known
}

// words offers words, each perhaps with a tab and what it means.
func words(list ...string) cli.Completion {
	return cobra.FixedCompletions(slices.Clip(list), cobra.ShellCompDirectiveNoFileComp)
}

// described offers the words of a list with what they mean. A word without a meaning is still offered.
func described(list []string, meanings map[string]string) cli.Completion {
	var out []string
	for _, word := range list {
		if meaning := meanings[word]; meaning != "" {
			word = cobra.CompletionWithDesc(word, meaning)
		}
		out = append(out, word)
	}
	return words(out...)
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
