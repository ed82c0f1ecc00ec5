package complete

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// firstColumn is what a file such as /etc/passwd has before the first colon of each line.
func firstColumn(data string) []string {
	var names []string
	for line := range strings.Lines(data) {
		name, _, found := strings.Cut(line, ":")
		if found && name != "" && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "+") {
			names = append(names, name)
		}
	}
	return names
}

func columnOf(path string) []string {
	data, _ := os.ReadFile(path)
	return firstColumn(string(data))
}

func hostUsers(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return columnOf("/etc/passwd"), nothing
}

func groups(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return append([]string{spec.KeepGroups + "\tthe caller's own"}, columnOf("/etc/group")...), nothing
}

func subordinates(path string) cli.Completion {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return columnOf(path), nothing
	}
}

// Of how many containers that run, and how much of a file with users.
const (
	askedMost   = 20
	maxAccounts = 64 << 10
)

// users offers those of containers that run, for exec, whose container is typed after the flag; for run
// and create, whose image is, root and the caller.
func users(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if cmd.Name() != "exec" {
			you := fmt.Sprintf("%d:%d\tyou", os.Getuid(), os.Getgid())
			return append([]string{you}, columnOf("/etc/passwd")...), nothing
		}
		names := args
		if len(names) == 0 {
			names = cli.ContainerNames(a, "", cli.Running)
		}
		var list []string
		for _, name := range names[:min(len(names), askedMost)] {
			data, _ := overlay.ReadFile(cli.ContainerLayers(a, name), "etc/passwd", maxAccounts)
			list = append(list, firstColumn(string(data))...)
		}
		slices.Sort(list)
		return slices.Compact(list), nothing
	}
}

// blockDevices offers the devices that a rate can be set for.
func blockDevices(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	entries, _ := os.ReadDir("/sys/block")
	var list []string
	for _, e := range entries {
		list = append(list, "/dev/"+e.Name()+":")
	}
	return list, unfinished
}

// sysctls offers those that a container can have for its own.
func sysctls(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(word, "=") {
		return nil, nothing
	}
	const root = "/proc/sys"
	var list []string
	for _, dir := range []string{"kernel", "fs/mqueue", "net/core", "net/ipv4", "net/ipv6", "net/ipv4/conf/all", "net/ipv6/conf/all"} {
		entries, _ := os.ReadDir(filepath.Join(root, dir))
		for _, e := range entries {
			key := strings.ReplaceAll(filepath.Join(dir, e.Name()), "/", ".")
			if !e.IsDir() && parse.SysctlNamespace(key) != "" {
				list = append(list, key+"=")
			}
		}
	}
	return list, unfinished
}

// processors offers all that there are, and each.
func processors(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return numbered("/sys/devices/system/cpu/online", "/sys/devices/system/cpu", "cpu"), unfinished
}

func memoryNodes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return numbered("/sys/devices/system/node/online", "/sys/devices/system/node", "node"), unfinished
}

func numbered(online, dir, prefix string) []string {
	var list []string
	if all, err := os.ReadFile(online); err == nil {
		list = append(list, strings.TrimSpace(string(all))+"\tall")
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if n, ok := strings.CutPrefix(e.Name(), prefix); ok && strings.Trim(n, "0123456789") == "" && n != "" {
			list = append(list, n)
		}
	}
	return list
}

// userSlices offers the slices of the user manager in which units run.
func userSlices(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	list := []string{"user.slice", "app.slice", "background.slice", "session.slice"}
	own := fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%[1]d.service", os.Getuid())
	found, _ := filepath.Glob(filepath.Join(own, "*.slice"))
	for _, path := range found {
		list = append(list, filepath.Base(path))
	}
	slices.Sort(list)
	return slices.Compact(list), nothing
}

// environment offers the caller's variables, to be passed on or given another value.
func environment(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(word, "=") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var list []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		list = append(list, name)
	}
	return list, unfinished
}

// timezones lists one level of the host's tzdata below what has been typed.
func timezones(dir string) cli.Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		names := []string{"local\tthe host's"}
		region := ""
		if slash := strings.LastIndexByte(word, '/'); slash >= 0 {
			region, names = word[:slash+1], nil
		}
		entries, _ := os.ReadDir(filepath.Join(dir, filepath.Clean("/"+region)))
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
		return names, unfinished
	}
}
