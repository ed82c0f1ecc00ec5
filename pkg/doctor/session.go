package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/systemd"
)

// sessionChecks are what a login gives a user: a bus, systemd and control groups.
func sessionChecks() []Check {
	return []Check{
		{
			Name: "dbus", Title: "the bus of your session answers, in time", Run: checkBus,
			Why: "by it rc asks systemd for a container's cgroup; a bus that is silent holds up each start",
		},
		{
			Name: "manager", Title: "systemd --user", Run: checkManager, Needs: []string{"dbus"},
			Why: "it gives containers cgroups of their own, for limits and for rc stats, and runs units",
		},
		{
			Name: "linger", Title: "containers outlive your logout", Run: checkLinger, Needs: []string{"dbus"},
			Why: "without it systemd ends containers with your last session, and starts none at boot",
		},
		{
			Name: "cgroups", Title: "control groups of version 2", Run: checkCgroups,
			Why: "limits (--memory, --cpus, --pids-limit) need them, and so do rc pause and rc stats",
		},
		{
			Name: "delegation", Title: "controllers that systemd hands to your manager", Run: checkDelegation, Needs: []string{"manager", "cgroups"},
			Why: "a limit whose controller is not delegated is refused",
		},
	}
}

func checkRuntimeDir(_ context.Context, h *Host) []Finding {
	session := "/run/user/" + strconv.Itoa(h.uid)
	dir := h.getenv("XDG_RUNTIME_DIR")
	sessionFine := h.ownDir(session) == nil
	if dir == "" {
		if sessionFine {
			return []Finding{ok("XDG_RUNTIME_DIR is not set; rc uses %s", session)}
		}
		f := warning(fmt.Sprintf("XDG_RUNTIME_DIR is not set, and there is no %s: rc uses /tmp/rc-run-%d", session, h.uid))
		if h.systemd() {
			return []Finding{f.mend("sudo loginctl enable-linger " + h.user).byHand("export XDG_RUNTIME_DIR=" + session)}
		}
		return []Finding{f.advise("make a directory of yours (mode 0700) on a tmpfs, and set XDG_RUNTIME_DIR to it")}
	}
	if err := h.ownDir(dir); err != nil {
		f := problem(fmt.Sprintf("XDG_RUNTIME_DIR is %s: %v", dir, err))
		switch {
		case errors.Is(err, fs.ErrNotExist) && unix.Access(filepath.Dir(dir), unix.W_OK) == nil:
			return []Finding{f.mend("mkdir -m 700 " + Quote(dir))}
		case sessionFine:
			return []Finding{f.byHand("export XDG_RUNTIME_DIR=" + session)}
		}
		return []Finding{f.byHand("unset XDG_RUNTIME_DIR")}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return []Finding{problem(err.Error())}
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return []Finding{warning(fmt.Sprintf("%s has mode %#o: others can look into it", dir, mode)).mend("chmod 700 " + Quote(dir))}
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err == nil && st.Type != unix.TMPFS_MAGIC && st.Type != unix.RAMFS_MAGIC {
		f := warning(dir + " is on a disk, not on a tmpfs: what is in it is still there after a reboot")
		if sessionFine && dir != session {
			return []Finding{f.byHand("export XDG_RUNTIME_DIR=" + session)}
		}
		return []Finding{f.advise("set XDG_RUNTIME_DIR to a directory of yours on a tmpfs")}
	}
	return []Finding{ok("%s", dir)}
}

// ownDir says why a directory is none of the user's own.
func (h *Host) ownDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return errors.New("not an absolute path")
	}
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w", fs.ErrNotExist)
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("not a directory")
	}
	if st, found := info.Sys().(*syscall.Stat_t); found && int(st.Uid) != h.uid {
		return fmt.Errorf("it belongs to uid %d, not to you (uid %d)", st.Uid, h.uid)
	}
	return nil
}

// Quote is a word for a shell.
func Quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// noSystemd is what there is to say where systemd does not run: once, by the check of the manager.
func (h *Host) noSystemd() []Finding {
	f := warning("systemd does not run here: containers have no cgroups, so no limits, and there are no units; all else works")
	if strings.Contains(strings.ToLower(machine.Kernel()), "microsoft") {
		return []Finding{f.advise("in /etc/wsl.conf, section [boot]: systemd=true; then, in Windows: wsl --shutdown")}
	}
	hierarchy, err := cgroup.Find()
	if err != nil {
		return []Finding{f}
	}
	f.Remedies = append(f.Remedies, Remedy{Command: giveCgroup(hierarchy.Mount, h.user), Root: true, ByHand: true})
	return []Finding{f.advise("that gives your shell a cgroup of yours, and what it starts has limits; to be repeated in each session")}
}

// giveCgroup is how root makes a cgroup of a user's and moves the user's shell to it.
func giveCgroup(mount, user string) string {
	return "sudo sh -c 'cd " + mount + " && echo +cpu +memory +pids >cgroup.subtree_control; mkdir -p " + user + " && cd " + user +
		" && chown " + user + " . cgroup.procs cgroup.subtree_control cgroup.threads && echo '$$' >cgroup.procs'"
}

// elsewhere is for what is systemd's, too.
func elsewhere() []Finding {
	return []Finding{{State: Skipped, Detail: "it needs what manager looks at"}}
}

func checkBus(ctx context.Context, h *Host) []Finding {
	conn, err := systemd.Connect(ctx, h.uid)
	if err == nil {
		_ = conn.Close() // nothing was asked
		return []Finding{ok("it answers")}
	}
	socket := fmt.Sprintf("/run/user/%d/bus", h.uid)
	address := h.getenv("DBUS_SESSION_BUS_ADDRESS")
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		f := problem("a bus is there and does not answer: " + err.Error())
		if address != "" && !strings.Contains(address, socket) {
			return []Finding{f.byHand("unset DBUS_SESSION_BUS_ADDRESS")}
		}
		return []Finding{f.byHand("systemctl --user restart dbus.service")}
	}
	if !h.systemd() {
		return []Finding{ok("there is none, and it would be asked for systemd only")}
	}
	f := warning(err.Error())
	switch {
	case h.exists(fmt.Sprintf("/run/user/%d/systemd/private", h.uid)):
		// The manager runs, and nobody listens for it.
		f = warning("systemd --user runs, and there is no bus (" + socket + ")")
		if !h.exists("/usr/lib/systemd/user/dbus.socket") && !h.exists("/lib/systemd/user/dbus.socket") {
			f = f.installing(h, "dbus-user-session")
		}
		return []Finding{f.mend("systemctl --user start dbus.socket")}
	case h.exists(fmt.Sprintf("/run/user/%d", h.uid)):
		return []Finding{f.mend("sudo systemctl restart user@" + strconv.Itoa(h.uid) + ".service")}
	}
	return []Finding{warning("you have no session: su, sudo and cron start no systemd --user, and no bus").
		mend("sudo loginctl enable-linger " + h.user).advise("or log in as this user: ssh, or at the console")}
}

func checkManager(ctx context.Context, h *Host) []Finding {
	conn, err := systemd.Connect(ctx, h.uid)
	if err != nil {
		if !h.systemd() {
			return h.noSystemd()
		}
		return []Finding{warning("it cannot be asked without a bus").mend("sudo loginctl enable-linger " + h.user)}
	}
	defer func() { _ = conn.Close() }() // nothing was asked that could get lost
	path, err := conn.ManagerCgroup(ctx)
	if err != nil {
		if !h.systemd() {
			return h.noSystemd()
		}
		f := warning(err.Error()).mend("sudo systemctl restart user@" + strconv.Itoa(h.uid) + ".service")
		return []Finding{f.advise("journalctl --user, or systemctl status user@" + strconv.Itoa(h.uid) + ".service, says why it does not run")}
	}
	return []Finding{ok("it runs, in cgroup %s", path)}
}

func checkLinger(_ context.Context, h *Host) []Finding {
	switch {
	case h.exists("/var/lib/systemd/linger/" + h.user):
		return []Finding{ok("%s lingers", h.user)}
	case !h.systemd() || h.uid == 0:
		return []Finding{ok("no logout ends containers here")}
	}
	return []Finding{warning(h.user + " does not linger").mend("loginctl enable-linger").
		advise("if that is refused: sudo loginctl enable-linger " + h.user)}
}

func checkCgroups(_ context.Context, h *Host) []Finding {
	hierarchy, err := cgroup.Find()
	if err != nil && !h.systemd() {
		return elsewhere()
	}
	if err != nil {
		return []Finding{warning("this machine has cgroup v1 only, which an ordinary user cannot use").advise(cgroup.UnifiedHint)}
	}
	if _, err := hierarchy.Own(0); err != nil {
		return []Finding{warning("this process is in no cgroup that can be seen: " + err.Error())}
	}
	return []Finding{ok("mounted on %s", hierarchy.Mount)}
}

// wanted are the controllers of limits.
func wanted() []string { return []string{"cpu", "memory", "pids", "io", "cpuset"} }

func checkDelegation(ctx context.Context, h *Host) []Finding {
	hierarchy, err := cgroup.Find()
	if err != nil {
		return []Finding{{State: Skipped, Detail: "it needs what cgroups looks at"}}
	}
	conn, err := systemd.Connect(ctx, h.uid)
	if err != nil {
		return elsewhere()
	}
	defer func() { _ = conn.Close() }() // nothing was asked that could get lost
	path, err := conn.ManagerCgroup(ctx)
	if err != nil {
		return elsewhere()
	}
	dir, err := hierarchy.Dir(path)
	if err != nil {
		return []Finding{warning(err.Error())}
	}
	have, err := cgroup.Controllers(dir)
	if err != nil {
		return []Finding{warning(err.Error())}
	}
	kernel, err := cgroup.Controllers(hierarchy.Mount)
	if err != nil {
		return []Finding{warning(err.Error())}
	}
	return judgeDelegation(have, kernel)
}

// judgeDelegation compares what the manager has with what version 2 has here.
func judgeDelegation(have, kernel []string) []Finding {
	var undelegated, absent []string
	for _, c := range wanted() {
		switch {
		case slices.Contains(have, c):
		case slices.Contains(kernel, c):
			undelegated = append(undelegated, c)
		default:
			absent = append(absent, c)
		}
	}
	var out []Finding
	if len(undelegated) > 0 {
		out = append(out, warning(strings.Join(undelegated, ", ")+" "+are(undelegated)+" not delegated to you").
			mend(cgroup.DelegateCommand()).advise("then log out of all sessions and in again, or reboot"))
	}
	if len(absent) > 0 {
		out = append(out, warning(strings.Join(absent, ", ")+" "+are(absent)+" not in cgroup v2: the kernel lacks it, or v1 has it").advise(cgroup.UnifiedHint))
	}
	if out == nil {
		out = append(out, ok("%s", strings.Join(wanted(), ", ")))
	}
	return out
}

func are(words []string) string {
	if len(words) == 1 {
		return "is"
	}
	return "are"
}
