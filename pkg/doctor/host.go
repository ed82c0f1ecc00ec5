package doctor

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/machine"
	"github.com/rc-containers/rc/pkg/systemd"
)

// Host is the machine, and its user. Tests have another.
type Host struct {
	// Config is rc's settings; nil where ConfigErr says why there are none.
	Config    *config.Config
	ConfigErr error
	// Load makes both again, after something was mended.
	Load func() (*config.Config, error)
	// Options are the global options that rc was called with, for commands that are shown.
	Options string
	// root is before the absolute paths of the system.
	root   string
	uid    int
	user   string
	getenv func(string) string
	// self runs rc with arguments and gives what it printed.
	self func(ctx context.Context, args ...string) output
}

// ThisHost is the machine that rc runs on.
func ThisHost(load func() (*config.Config, error)) *Host {
	h := &Host{Load: load, uid: os.Getuid(), user: strconv.Itoa(os.Getuid()), getenv: os.Getenv}
	if u, err := user.LookupId(h.user); err == nil {
		h.user = u.Username
	}
	h.self = h.runSelf
	h.reload()
	return h
}

func (h *Host) reload() {
	if h.Load != nil {
		h.Config, h.ConfigErr = h.Load()
	}
}

// output is what a program printed, and how it ended.
type output struct {
	stdout, stderr string
	err            error
}

// failure is the error that rc has told on its standard error, with its hint.
func (o output) failure() (text, hint string) {
	for line := range strings.Lines(o.stderr) {
		line = strings.TrimSpace(line)
		if t, found := strings.CutPrefix(line, "Error: "); found {
			text = t
		}
		if t, found := strings.CutPrefix(line, "Hint: "); found {
			hint = t
		}
	}
	if text != "" {
		return text, hint
	}
	err := o.err
	if err == nil {
		err = fmt.Errorf("it printed %q", o.stdout)
	}
	return lastLine(o.stderr, err), hint
}

// runSelf runs this program with the same settings.
func (h *Host) runSelf(ctx context.Context, args ...string) output {
	if c := h.Config; c != nil {
		args = append([]string{
			"--root", c.DataRoot, "--runroot", c.RunRoot, "--tmpdir", c.TmpDir, "--cgroup-manager", c.CgroupManager,
			"--storage-opt", "mount_program=" + c.MountProgram,
		}, args...)
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Args[0] = "rc"
	// It stops its container first.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	end := cmd.Run()
	if ctx.Err() != nil && end != nil {
		end = context.Cause(ctx)
	}
	return output{out.String(), err.String(), end}
}

// path is a path of the system.
func (h *Host) path(name string) string { return filepath.Join("/", h.root, name) }

// read is the text of a file of the system, "" for none.
func (h *Host) read(name string) string {
	data, err := os.ReadFile(h.path(name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func (h *Host) exists(name string) bool {
	_, err := os.Lstat(h.path(name))
	return err == nil
}

// systemd says whether systemd runs this machine: sd_booted(3).
func (h *Host) systemd() bool { return h.exists(systemd.BootedDir) }

// sysctl is a sysctl's value, "" where the kernel has none of the name.
func (h *Host) sysctl(name string) string {
	return h.read("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
}

// setSysctl is the command that sets one, now and after the next boot.
func setSysctl(name, value string) string {
	file := "/etc/sysctl.d/90-rc-" + name[strings.LastIndexByte(name, '.')+1:] + ".conf"
	return "echo '" + name + " = " + value + "' | sudo tee " + file + " && sudo sysctl -p " + file
}

// helper is where a program is that rc calls, "" for nowhere.
func (h *Host) helper(name string) string {
	var dirs []string
	if h.Config != nil {
		dirs = h.Config.Containers.HelperDirs
	}
	return machine.FindProgram(dirs, name)
}
