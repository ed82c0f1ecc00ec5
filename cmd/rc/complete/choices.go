package complete

import (
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

func pullPolicies() cli.Completion {
	return described(parse.PullPolicies(), map[string]string{
		"always": "ask the registry, fail if it does not answer", "missing": "only if it is not there",
		"never": "fail if it is not there", "newer": "if the registry has another one",
	})
}

func restartPolicies() cli.Completion {
	return described(spec.RestartPolicies(), map[string]string{
		"no": "leave it when it ends", "on-failure": "when it ends with another code than 0",
		"always": "whenever it ends, and after a boot", "unless-stopped": "the same, unless you have stopped it",
	})
}

func healthActions() cli.Completion {
	return described(parse.HealthActions(), map[string]string{
		"none": "only say so", "kill": "SIGKILL", "restart": "start it anew", "stop": "stop it",
	})
}

func logDrivers() cli.Completion {
	return described(spec.LogDrivers(), map[string]string{
		"k8s-file": "a text file with times", "json-file": "docker's file of JSON lines", "journald": "the journal of systemd",
		"none": "nowhere", "passthrough": "to rc's own output, without a copy",
	})
}

func cgroupModes() cli.Completion {
	return words("enabled\ta scope of its own", "disabled\tthe caller's cgroup", "split\ttwo below the caller's, for a unit with Delegate=")
}

func notifyModes() cli.Completion {
	return words("conmon\twhen the container runs", "container\tby what runs in it", "healthy\twhen its healthcheck succeeds", "ignore\tnot at all")
}

func imageVolumes() cli.Completion {
	return words("anonymous\tvolumes without a name", "bind\tthe same", "tmpfs\tin memory, gone with it", "ignore\tdo not mount them")
}

func capabilities() cli.Completion { return words(append(spec.ShortCapabilityNames(), spec.CapAll)...) }

func ulimits() cli.Completion {
	list := []string{"host\tthe caller's own"}
	for _, name := range parse.UlimitNames() {
		list = append(list, name+"=")
	}
	return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
}

// signals are those of kill -l, the realtime ones apart.
func signals() []string {
	var names []string
	for n := unix.Signal(1); n < 32; n++ {
		if name := unix.SignalName(n); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// logOptions offers the options, and for path= files.
func logOptions(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	var keys []string
	for _, key := range parse.LogOptions() {
		keys = append(keys, key+"=")
	}
	return keyed("", word, keys, func(key, typed string) []string {
		switch key {
		case "path":
			return paths(typed)
		case "max-size":
			return []string{"10m", "100m"}
		case "tag":
			return []string{"{{.Name}}", "{{.ID}}", "{{.ImageName}}"}
		}
		return nil
	}), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// securityOptions offers the options, and their values.
func securityOptions(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	const quiet = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	key, value, typed := strings.Cut(word, "=")
	switch {
	case !typed:
		return []string{
			"seccomp=\ta profile, or unconfined", "no-new-privileges\tset-uid programs without effect", "mask=\tpaths to hide",
			"unmask=\tpaths not to hide, or ALL", "proc-opts=\tmount options of /proc", "label=disable\twithout effect", "apparmor=unconfined\twithout effect",
		}, quiet
	case key == "seccomp":
		return prefixed("seccomp=", append([]string{"unconfined"}, paths(value)...)), quiet
	case key == "unmask":
		return []string{"unmask=ALL", "unmask=/proc/*", "unmask=/sys/firmware"}, quiet
	case key == "proc-opts":
		return keyed("proc-opts=", value, []string{"hidepid=", "gid=", "subset=pid", "nosuid", "nodev", "noexec", "ro"}, func(key, _ string) []string {
			if key == "hidepid" {
				return []string{"0", "1", "2", "4"}
			}
			return nil
		}), quiet
	case key == "label":
		return []string{"label=disable"}, quiet
	case key == "apparmor":
		return []string{"apparmor=unconfined"}, quiet
	}
	return nil, quiet
}
