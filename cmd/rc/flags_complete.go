package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// completion is what cobra calls with what has been typed of a word.
type completion = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective)

// completeContainers offers names of containers, and ids where an id is being typed. limit
// is how many arguments the verb takes, 0 for any number.
func completeContainers(a *app, limit int) completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || a.load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return remaining(containerNames(a, word), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// containerNames reads the records; what cannot be read is not offered.
func containerNames(a *app, word string) []string {
	root := state.Root{Data: a.cfg.DataRoot, Run: a.cfg.RunRoot}
	entries, _ := root.List()
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name)
		if word != "" && strings.HasPrefix(entry.ID, word) {
			names = append(names, format.ShortID(entry.ID))
		}
	}
	return names
}

// completeImages offers names of images, and ids where an id is being typed.
func completeImages(a *app, limit int) completion {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if limit > 0 && len(args) >= limit || a.load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return remaining(imageNames(a, word), args), cobra.ShellCompDirectiveNoFileComp
	}
}

// imageNames are full names, and the short form of those on docker.io. A stale index is
// good enough here: completion creates no namespace.
func imageNames(a *app, word string) []string {
	ix, err := index.Read(a.cfg)
	if err != nil {
		return nil
	}
	entries, err := ix.All()
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		for _, name := range entry.Names {
			short := strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
			names = append(names, short)
			if word != "" && short != name && strings.HasPrefix(name, word) {
				names = append(names, name)
			}
		}
		if word != "" && strings.HasPrefix(entry.ID, word) {
			names = append(names, format.ShortID(entry.ID))
		}
	}
	return names
}

// remaining are the names that have not been typed yet.
func remaining(names, args []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
}

// completeRunArgs offers images first, and files (the container's are not known) after.
func completeRunArgs(a *app) completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if rootfs, _ := cmd.Flags().GetBool("rootfs"); rootfs && len(args) == 0 {
			return nil, cobra.ShellCompDirectiveFilterDirs
		}
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return completeImages(a, 1)(cmd, args, word)
	}
}

// completeFormat offers the fields of --format's row, and those of a field that is being
// typed.
func completeFormat(cmd *cobra.Command, row any) {
	must(cmd.RegisterFlagCompletionFunc("format", func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		words := []string{"json"}
		for _, path := range fieldPaths(reflect.TypeOf(row), strings.TrimPrefix(word, "{{")) {
			words = append(words, "{{"+path+"}}")
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}))
}

// fieldPaths are the fields of t as a template writes them, and below the one that typed
// begins with, its own.
func fieldPaths(t reflect.Type, typed string) []string {
	var paths []string
	for _, field := range format.Fields(t) {
		paths = append(paths, field)
		inner := strings.TrimPrefix(field, ".")
		if t.Kind() != reflect.Struct || !strings.HasPrefix(typed, field+".") {
			continue
		}
		if f, ok := t.FieldByName(inner); ok && f.Type.Kind() == reflect.Struct {
			for _, path := range fieldPaths(f.Type, strings.TrimPrefix(typed, field)) {
				paths = append(paths, field+path)
			}
		}
	}
	return paths
}

// completeRunFlags offers the values of flags.
func completeRunFlags(cmd *cobra.Command) {
	register := func(flag string, f completion) { must(cmd.RegisterFlagCompletionFunc(flag, f)) }
	fixed := func(flag string, words ...string) {
		register(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("pull", spec.PullPolicies()...)
	fixed("network", spec.NetworkModes()...)
	for _, flag := range []string{"pid", "ipc", "uts", "cgroupns"} {
		fixed(flag, "private", "host")
	}
	fixed("cgroups", "enabled", "disabled", "split")
	fixed("image-volume", "bind", "anonymous", "tmpfs", "ignore")
	fixed("attach", "stdin", "stdout", "stderr")
	fixed("group-add", spec.KeepGroups)
	fixed("platform", "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/riscv64", "linux/s390x")
	fixed("security-opt", "seccomp=", "seccomp=unconfined", "no-new-privileges", "mask=", "unmask=", "unmask=ALL", "proc-opts=")
	fixed("mount", "type=bind,src=", "type=tmpfs,dst=")
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
		"workdir", "user", "umask", "sysctl", "shm-size", "memory", "memory-swap", "memory-reservation", "cpus", "cpuset-cpus",
		"cpuset-mems", "pids-limit", "blkio-weight", "oom-score-adj", "cgroup-parent",
	} {
		register(flag, cobra.NoFileCompletions)
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
