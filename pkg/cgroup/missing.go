package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// DropIn is the file by which an administrator hands all useful controllers to every user, and
// DropInText what it holds; systemd's default for user@.service lacks cpuset and io, and cpu too
// before version 252.
const (
	DropIn     = "/etc/systemd/system/user@.service.d/delegate.conf"
	DropInText = "[Service]\nDelegate=cpu cpuset io memory pids\n"
)

// Need is the set of controllers that files want, each once.
func Need(files []File) []string {
	var need []string
	for _, f := range files {
		if c := f.Controller(); c != "" && !slices.Contains(need, c) {
			need = append(need, c)
		}
	}
	return need
}

// lack returns the controllers that files want beyond available, and the flags that do.
func lack(files []File, available []string) (controllers, flags []string) {
	for _, f := range files {
		c := f.Controller()
		if c == "" || slices.Contains(available, c) {
			continue
		}
		if !slices.Contains(controllers, c) {
			controllers = append(controllers, c)
		}
		if !slices.Contains(flags, f.Flags) {
			flags = append(flags, f.Flags)
		}
	}
	return controllers, flags
}

// Missing is nil when the cgroup place can give its children every controller that files want,
// else an errs.ErrUnsupported that names flags and controllers, with the way to get them as hint.
// place is the user manager's cgroup, or the unit that shall hold the container.
func (h Hierarchy) Missing(files []File, place string) error {
	available, err := Controllers(place)
	if err != nil {
		return err
	}
	controllers, flags := lack(files, available)
	if len(controllers) == 0 {
		return nil
	}
	kernel, err := Controllers(h.Mount)
	if err != nil {
		return err
	}
	if absent, by := lack(files, kernel); len(absent) > 0 {
		table, _ := os.ReadFile("/proc/cgroups") // without it the reason is less exact
		return missingInKernel(absent, by, string(table))
	}
	what := errs.Unsupportedf("set %s: cgroup controller %s is not delegated to you",
		strings.Join(flags, ", "), strings.Join(controllers, ", "))
	if name := filepath.Base(place); !strings.HasPrefix(name, "user@") {
		above, err := Controllers(filepath.Dir(place))
		if more, _ := lack(files, above); err == nil && len(more) == 0 {
			return errs.WithHint(what, "set Delegate=yes in the [Service] or [Scope] section of "+name)
		}
	}
	return errs.WithCheck(what, DelegateHint(), "delegation")
}

// DelegateHint is the commands that install DropIn, and what to do then.
func DelegateHint() string {
	return DelegateCommand() + "; then log out of all sessions and in again"
}

// DelegateCommand is the commands alone.
func DelegateCommand() string {
	return fmt.Sprintf("sudo mkdir -p %s && printf '%s' | sudo tee %s && sudo systemctl daemon-reload",
		filepath.Dir(DropIn), strings.ReplaceAll(DropInText, "\n", `\n`), DropIn)
}

// NoHierarchy says that limits need version 2, which is not mounted.
func NoHierarchy(files []File) error {
	_, flags := lack(files, nil)
	return errs.WithCheck(
		errs.Unsupportedf("set %s: this host has cgroup v1 only, which an ordinary user cannot use",
			strings.Join(flags, ", ")),
		UnifiedHint, "cgroups")
}

// UnifiedHint is how a machine comes to have version 2 alone.
const UnifiedHint = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line"

// missingInKernel explains controllers that even the root of version 2 lacks, by the table of
// /proc/cgroups (cgroups(7)): name, number of the version 1 hierarchy or 0, count, enabled.
func missingInKernel(controllers, flags []string, table string) error {
	rows := map[string][]string{}
	for line := range strings.SplitSeq(table, "\n") {
		if f := strings.Fields(line); len(f) == 4 {
			rows[f[0]] = f
		}
	}
	reason, hint := "this kernel does not have it", ""
	for _, c := range controllers {
		if c == "io" {
			c = "blkio" // its name in version 1
		}
		row, ok := rows[c]
		if ok && row[3] == "0" {
			reason, hint = "this kernel was booted without it", "boot with cgroup_enable="+c+" on the kernel's command line"
		} else if ok && row[1] != "0" {
			reason, hint = "this host has it in cgroup v1, which an ordinary user cannot use", UnifiedHint
		}
	}
	err := errs.Unsupportedf("set %s: cgroup controller %s: %s",
		strings.Join(flags, ", "), strings.Join(controllers, ", "), reason)
	if hint == "" {
		return err
	}
	return errs.WithHint(err, hint)
}

// CheckCPUs refuses processors and memory nodes that this machine does not have: the kernel would
// take them and use others.
func CheckCPUs(files []File) error {
	for _, f := range files {
		var there string
		var err error
		switch f.Name {
		case "cpuset.cpus":
			there, err = linux.OnlineCPUs()
		case "cpuset.mems":
			there, err = linux.OnlineNodes()
		default:
			continue
		}
		if err != nil {
			return err
		}
		asked, err := linux.ParseCPUList(f.Value)
		if err != nil {
			return errs.Invalidf("%s: %w", f.Flags, err)
		}
		online, err := linux.ParseCPUList(there)
		if err != nil {
			return err
		}
		if beyond := asked.Without(online); len(beyond) > 0 {
			return errs.Invalidf("%s %q: %v not there, this machine has %s", f.Flags, f.Value, beyond, there)
		}
	}
	return nil
}
