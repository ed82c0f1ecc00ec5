package container

import (
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/systemd"
)

// RestartUnit starts containers with a restart policy after a boot; make install puts it
// there.
const RestartUnit = "rc-restart.service"

// keeper is what decides how long a detached container stays: the caller's part in logind
// and in his systemd. Tests have another.
type keeper struct {
	uid    int
	user   string                          // "" where nobody knows
	getenv func(name string) string        // the XDG directories
	root   string                          // before the absolute paths of the system
	cgroup func() (text string, err error) // /proc/self/cgroup
	inUnit bool                            // rc was started by a unit, which is its author's business
}

func thisKeeper() keeper {
	k := keeper{uid: os.Getuid(), user: os.Getenv("USER"), getenv: os.Getenv, root: "/", cgroup: func() (string, error) {
		data, err := os.ReadFile("/proc/self/cgroup")
		return string(data), err
	}}
	k.inUnit = os.Getenv(spec.UnitLabel) != "" || startedBySystemd()
	if u, err := user.LookupId(strconv.Itoa(k.uid)); err == nil {
		k.user = u.Username
	}
	return k
}

// TellLinger tells a user, once for all calls, that his containers end when he logs out:
// with the last session logind ends user@UID.service, with all that is in its scopes. It is
// for containers that are left running.
func TellLinger(w io.Writer, cfg *config.Config) {
	if !told(cfg, toldLinger) {
		tellLinger(w, cfg, thisKeeper())
	}
}

// Files in the data directory: this has been told.
const (
	toldLinger  = "told-linger"
	toldRestart = "told-restart"
	toldSystemd = "told-no-systemd"
)

func tellLinger(w io.Writer, cfg *config.Config, k keeper) {
	if k.user == "" || k.inUnit || !k.booted() || !k.ofSession() || k.exists("var/lib/systemd/linger", k.user) {
		return
	}
	if firstTime(cfg, toldLinger) {
		fmt.Fprintln(w, "Warning: when your last session ends, systemd ends your containers with it: you have no linger")
		fmt.Fprintln(w, "Hint: loginctl enable-linger")
	}
}

// tellNoSystemd tells a user, once for all calls, what he goes without on a machine that systemd does not run.
func tellNoSystemd(w io.Writer, cfg *config.Config, k keeper) {
	if !k.booted() && firstTime(cfg, toldSystemd) {
		fmt.Fprintln(w, "Warning: systemd does not run on this machine, so your containers have no cgroups: no limits, no rc pause, and there are no units; all else works")
		fmt.Fprintln(w, "Hint: rc doctor manager")
	}
}

// TellRestart tells a user, once for all calls, how containers with this restart policy are
// started again after a boot, where the unit for it is installed and not enabled.
func TellRestart(w io.Writer, cfg *config.Config, policy string) {
	if policy != "" && !told(cfg, toldRestart) {
		tellRestart(w, cfg, policy, thisKeeper())
	}
}

func tellRestart(w io.Writer, cfg *config.Config, policy string, k keeper) {
	if policy != spec.RestartAlways && policy != spec.RestartUnlessStopped {
		return
	}
	if k.inUnit {
		return
	}
	if !k.booted() {
		if firstTime(cfg, toldRestart) {
			program := "rc"
			if path, err := os.Executable(); err == nil {
				program = path // cron's PATH is a short one
			}
			fmt.Fprintf(w, "Hint: to start it again after a reboot, this line in crontab -e: @reboot %s start --all --filter should-start-on-boot=true\n", program)
		}
		return
	}
	dirs := k.unitDirs()
	installed := slices.ContainsFunc(dirs, func(dir string) bool { return k.exists(dir, RestartUnit) })
	enabled := slices.ContainsFunc(dirs, func(dir string) bool { return k.exists(dir, "default.target.wants", RestartUnit) })
	if installed && !enabled && firstTime(cfg, toldRestart) {
		fmt.Fprintln(w, "Hint: to start it again after a reboot: systemctl --user enable "+RestartUnit)
	}
}

// ofSession says whether the caller's processes are in what logind made for him. Those that a
// system service started for him, or a container that has no logind, are not.
func (k keeper) ofSession() bool {
	text, err := k.cgroup()
	return err == nil && strings.Contains(text, fmt.Sprintf("/user-%d.slice/", k.uid))
}

// booted says whether systemd runs this machine.
func (k keeper) booted() bool { return k.exists(systemd.BootedDir) }

// unitDirs are where systemd --user looks for units (systemd.unit(5)), and for what is
// enabled.
func (k keeper) unitDirs() []string {
	home := func(name, otherwise string) string {
		if dir := k.getenv(name); filepath.IsAbs(dir) {
			return dir
		}
		return filepath.Join(k.getenv("HOME"), otherwise)
	}
	dirs := []string{home("XDG_CONFIG_HOME", ".config"), "/etc", k.getenv("XDG_RUNTIME_DIR"), home("XDG_DATA_HOME", ".local/share")}
	shared := k.getenv("XDG_DATA_DIRS")
	if shared == "" {
		shared = "/usr/local/share:/usr/share"
	}
	dirs = append(dirs, strings.Split(shared, ":")...)
	dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/lib")
	for i := range dirs {
		dirs[i] = filepath.Join(dirs[i], "systemd/user")
	}
	return dirs
}

// exists looks at a path of the system without following its last link: one that enables a
// unit may point to where it is installed only on the host.
func (k keeper) exists(parts ...string) bool {
	_, err := os.Lstat(filepath.Join(append([]string{k.root}, parts...)...))
	return err == nil
}
