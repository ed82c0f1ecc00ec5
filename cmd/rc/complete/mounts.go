package complete

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/cdi"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse/mount"
)

const (
	unfinished = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	nothing    = cobra.ShellCompDirectiveNoFileComp
)

// volume completes -v [SRC:]DST[:OPTIONS]: names of volumes, and the files of the shell; where it is to be
// is the user's; then options.
func volume(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		source, rest, found := strings.Cut(word, ":")
		if !found {
			if strings.HasPrefix(word, "/") || strings.HasPrefix(word, ".") || strings.HasPrefix(word, "~") {
				return nil, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveNoSpace
			}
			var list []string
			for _, name := range cli.VolumeNames(a) {
				list = append(list, name+":\tvolume")
			}
			return list, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveNoSpace
		}
		target, options, found := strings.Cut(rest, ":")
		if !found {
			return nil, unfinished
		}
		keys := []string{
			"ro\tread-only", "rw", "z\twithout effect", "Z\twithout effect", "U\tgive it to the container's user", "O\tan overlay: changes are thrown away",
			"noexec", "exec", "nosuid", "suid", "nodev", "dev", "rslave", "rshared", "rprivate", "nocopy",
		}
		if slices.Contains(strings.Split(options, ","), "O") {
			keys = append(keys, "upperdir=", "workdir=")
		}
		return keyed(source+":"+target+":", options, keys, func(_, typed string) []string { return paths(typed) }), unfinished
	}
}

// tmpfs completes PATH[:OPTIONS].
func tmpfs(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	path, options, found := strings.Cut(word, ":")
	if !found {
		return []string{"/tmp", "/run", "/var/tmp"}, unfinished
	}
	return keyed(path+":", options, []string{
		"size=", "mode=", "uid=", "gid=", "nr_inodes=", "ro", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "notmpcopyup", "U",
	}, func(key, _ string) []string {
		return map[string][]string{"size": {"64m", "1g"}, "mode": {"1777", "0755"}}[key]
	}), unfinished
}

// mountValueKeys are keys of --mount that take a value.
func mountValueKeys() []string {
	return []string{
		"type", "src", "dst", "consistency", "bind-propagation", "relabel", "bind-recursive", "subpath", "volume-label", "volume-opt",
		"volume-driver", "tmpfs-size", "tmpfs-mode", "uid", "gid", "mode", "max",
	}
}

// mountFlag completes type=…,src=…,dst=…, by what the type takes.
func mountFlag(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		kind := mountKind(word)
		if kind == "" {
			var list []string
			for _, kind := range mount.Types() {
				list = append(list, "type="+kind+",")
			}
			return list, unfinished
		}
		keys := []string{"dst="}
		for _, key := range mount.Keys(kind) {
			if slices.Contains(mountValueKeys(), key) {
				key += "="
			}
			keys = append(keys, key)
		}
		return keyed("", word, keys, func(key, typed string) []string { return mountValues(a, kind, key, typed) }), unfinished
	}
}

// mountKind is the type that a --mount names, "" while it is being typed.
func mountKind(word string) string {
	for part := range strings.SplitSeq(word, ",") {
		if kind, ok := strings.CutPrefix(part, "type="); ok && slices.Contains(mount.Types(), kind) && part != word {
			return kind
		}
	}
	return ""
}

func mountValues(a *cli.App, kind, key, typed string) []string {
	switch key {
	case "type":
		return mount.Types()
	case "src", "source":
		switch kind {
		case spec.TypeVolume:
			return cli.VolumeNames(a)
		case spec.TypeImage:
			return cli.ImageNames(a, typed)
		}
		return paths(typed)
	case "bind-propagation":
		return []string{"rprivate", "private", "rslave", "slave", "rshared", "shared"}
	case "bind-recursive":
		return []string{"enabled", "disabled", "writable", "readonly"}
	case "relabel":
		return []string{"shared", "private"}
	case "volume-driver":
		return []string{spec.DriverLocal}
	case "tmpfs-mode", "mode":
		return []string{"1777", "0755"}
	}
	return nil
}

// volumesFrom completes CONTAINER[:ro|rw].
func volumesFrom(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		if name, _, found := strings.Cut(word, ":"); found {
			return prefixed(name+":", []string{"ro", "rw"}), nothing
		}
		return cli.CompleteContainers(a, 0, cli.AnyState)(cmd, nil, word)
	}
}

// secrets completes NAME[,type=…][,target=…].
func secrets(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		name, options, found := strings.Cut(word, ",")
		if !found {
			if a.Load() != nil {
				return nil, nothing
			}
			list, _ := secret.At(a.Config.DataRoot).Names()
			return list, unfinished
		}
		return keyed(name+",", options, []string{"type=", "target=", "uid=", "gid=", "mode="}, func(key, _ string) []string {
			return map[string][]string{"type": {spec.SecretMount, spec.SecretEnv}, "mode": {"0400", "0444"}}[key]
		}), unfinished
	}
}

// devices completes HOST[:CONTAINER[:rwm]], and CDI devices where no path is being typed.
func devices(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		if strings.HasPrefix(word, "/") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		if a.Load() != nil {
			return []string{"/dev/"}, unfinished
		}
		names, _ := cdi.List(cmd.Context(), a.Config.CDISpecDirs)
		return append([]string{"/dev/"}, names...), unfinished
	}
}
