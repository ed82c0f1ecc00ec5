package doctor

import (
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/machine"
)

// installers are the commands that install packages, by what /etc/os-release calls the distribution or one
// that it is made from.
var installers = []struct {
	ids     []string
	command string
	column  string
}{
	{[]string{"debian", "ubuntu"}, "sudo apt-get install -y", "apt"},
	{[]string{"fedora", "rhel", "centos", "amzn"}, "sudo dnf install -y", "dnf"},
	{[]string{"arch"}, "sudo pacman -S --needed --noconfirm", "pacman"},
	{[]string{"suse", "opensuse"}, "sudo zypper --non-interactive install", "zypper"},
	{[]string{"alpine"}, "sudo apk add", "apk"},
}

// packages says which package has a program where it is not named like the program; "" is for all others.
var packages = map[string]map[string]string{
	"newuidmap":         {"apt": "uidmap", "apk": "shadow-subids", "dnf": "shadow-utils", "": "shadow"},
	"pasta":             {"": "passt"},
	"nsenter":           {"apk": "util-linux-misc", "": "util-linux"},
	"dbus-user-session": {"apt": "dbus-user-session", "dnf": "dbus-daemon", "zypper": "dbus-1", "": "dbus"},
}

// install is the command that installs a program here; "" where the distribution is none that rc knows.
func (h *Host) install(program string) string {
	d := machine.ReadDistribution(h.path("/etc/os-release"))
	for _, i := range installers {
		if !slices.ContainsFunc(append([]string{d.ID}, d.Like...), func(id string) bool { return slices.Contains(i.ids, baseID(id)) }) {
			continue
		}
		name := program
		if names, special := packages[program]; special {
			if name = names[i.column]; name == "" {
				name = names[""]
			}
		}
		return i.command + " " + name
	}
	return ""
}

// baseID is opensuse of opensuse-leap.
func baseID(id string) string {
	base, _, _ := strings.Cut(id, "-")
	return base
}

// installing adds how to install a program.
func (f Finding) installing(h *Host, program string) Finding {
	if command := h.install(program); command != "" {
		return f.mend(command)
	}
	name := program
	if names := packages[program]; names[""] != "" {
		name = names[""]
	}
	return f.advise("install the package " + name + " in this distribution's way")
}
