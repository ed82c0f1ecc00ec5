package container

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/cdi"
	"github.com/rc-containers/rc/pkg/spec"
)

// completeRunArgs offers images first, and files (the container's are not known) after.
func completeRunArgs(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if rootfs, _ := cmd.Flags().GetBool("rootfs"); rootfs && len(args) == 0 {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return cli.CompleteImages(a, 1)(cmd, args, word)
	}
}

// completeRunFlags offers the values of run's flags.
func completeRunFlags(a *cli.App, cmd *cobra.Command) {
	completeCreateFlags(a, cmd)
	cli.Must(cmd.RegisterFlagCompletionFunc("detach-keys", cobra.FixedCompletions(
		[]string{spec.DefaultDetachKeys}, cobra.ShellCompDirectiveNoFileComp)))
}

// completeCreateFlags offers the values of the flags that run and create share.
func completeCreateFlags(a *cli.App, cmd *cobra.Command) {
	register := func(flag string, f cli.Completion) { cli.Must(cmd.RegisterFlagCompletionFunc(flag, f)) }
	fixed := func(flag string, words ...string) {
		register(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("pull", spec.PullPolicies()...)
	register("network", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(spec.NetworkModes(), cli.NetworkNames(a)...), cobra.ShellCompDirectiveNoFileComp
	})
	completeNetworkFlags(register)
	for _, flag := range []string{"pid", "ipc", "uts", "cgroupns"} {
		fixed(flag, "private", "host")
	}
	fixed("userns", spec.UsernsModes()...)
	fixed("cgroups", "enabled", "disabled", "split")
	fixed("image-volume", "bind", "anonymous", "tmpfs", "ignore")
	fixed("attach", "stdin", "stdout", "stderr")
	fixed("group-add", spec.KeepGroups)
	(&cli.PlatformFlags{}).Complete(cmd)
	(&cli.RegistryFlags{}).Complete(cmd)
	fixed("security-opt", "seccomp=", "seccomp=unconfined", "no-new-privileges", "mask=", "unmask=", "unmask=ALL", "proc-opts=")
	completeMountFlags(a, register, fixed)
	completeLifeFlags(fixed)
	register("device", completeDevices(a))
	fixed("gpus", "all")
	register("secret", cli.CompleteSecrets(a, 0))
	register("log-opt", cli.CompleteKeys(spec.LogOptions(), nil))
	register("stop-signal", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return signalNames(), cobra.ShellCompDirectiveNoFileComp
	})
	for _, flag := range []string{"cap-add", "cap-drop"} {
		register(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return append(spec.ShortCapabilityNames(), spec.CapAll), cobra.ShellCompDirectiveNoFileComp
		})
	}
	register("ulimit", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		words := []string{"host"}
		for _, name := range spec.UlimitNames() {
			words = append(words, name+"=")
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	register("env", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var words []string
		for _, entry := range os.Environ() {
			name, _, _ := strings.Cut(entry, "=")
			words = append(words, name)
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	register("tz", func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return timezones("/usr/share/zoneinfo", word), cobra.ShellCompDirectiveNoFileComp
	})
	for _, flag := range []string{
		"name", "label", "annotation", "hostname", "domainname", "env-merge", "unsetenv", "entrypoint",
		"workdir", "user", "umask", "uidmap", "gidmap", "passwd-entry", "group-entry", "sysctl", "shm-size", "memory", "memory-swap", "memory-reservation", "cpus", "cpuset-cpus",
		"cpuset-mems", "pids-limit", "blkio-weight", "oom-score-adj", "cgroup-parent",
	} {
		register(flag, cobra.NoFileCompletions)
	}
}

// completeDevices offers files, and CDI devices where no path is being typed.
func completeDevices(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		if strings.HasPrefix(word, "/") || a.Load() != nil {
			return nil, cobra.ShellCompDirectiveDefault
		}
		names, err := cdi.List(cmd.Context(), a.Config.CDISpecDirs)
		if err != nil {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return names, cobra.ShellCompDirectiveDefault
	}
}

// completeMountFlags offers types of mounts, names of volumes, and containers.
func completeMountFlags(a *cli.App, register func(string, cli.Completion), fixed func(string, ...string)) {
	register("mount", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var words []string
		for _, kind := range spec.MountTypes() {
			words = append(words, "type="+kind+",")
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	register("volume", func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		if strings.ContainsAny(word, "/.:") {
			return nil, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveNoSpace
		}
		var words []string
		for _, name := range cli.VolumeNames(a) {
			words = append(words, name+":")
		}
		return words, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveNoSpace
	})
	register("volumes-from", cli.CompleteContainers(a, 0))
	fixed("volume-driver", spec.DriverLocal)
}

// completeLifeFlags offers values of flags that say what becomes of a container.
func completeLifeFlags(fixed func(flag string, words ...string)) {
	fixed("log-driver", spec.LogDrivers()...)
	fixed("restart", spec.RestartPolicies()...)
	fixed("health-on-failure", spec.HealthActions()...)
	fixed("health-interval", spec.HealthDisable)
	fixed("health-startup-interval", spec.HealthDisable)
	fixed("health-cmd", "none")
	fixed("health-log-destination", "local")
	for _, flag := range []string{
		"health-retries", "health-timeout", "health-start-period", "health-start-interval", "health-startup-cmd", "health-startup-retries",
		"health-startup-success", "health-startup-timeout", "health-max-log-count", "health-max-log-size",
	} {
		fixed(flag)
	}
}

// signalNames are those of kill -l, the realtime ones apart.
func signalNames() []string {
	var names []string
	for n := unix.Signal(1); n < 32; n++ {
		if name := unix.SignalName(n); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// timezones lists one level of the host's tzdata below what has been typed.
func timezones(dir, word string) []string {
	names := []string{"local"}
	region := ""
	if slash := strings.LastIndexByte(word, '/'); slash >= 0 {
		region, names = word[:slash+1], nil
	}
	entries, err := os.ReadDir(filepath.Join(dir, filepath.Clean("/"+region)))
	if err != nil {
		return names
	}
	for _, entry := range entries {
		name := entry.Name()
		if name[0] < 'A' || name[0] > 'Z' { // posix/, right/, *.tab
			continue
		}
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, region+name)
	}
	return names
}
