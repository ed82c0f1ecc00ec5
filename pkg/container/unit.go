package container

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
)

// unit is what the systemd unit that rc runs in wants to be told (sd_notify(3)), and the sockets that
// it hands over (sd_listen_fds(3)). It is of this start: the next one may be in another unit.
type unit struct {
	notify shim.Notify
	// listen are the variables that describe the sockets, nil without any.
	listen []string
}

// findUnit looks at what rc was started with.
func (r *run) findUnit() error {
	mode := r.c.SDNotify
	switch {
	case r.sdNotify != "":
		mode = r.sdNotify
	case mode == "":
		mode = spec.NotifyContainer
	}
	if mode == spec.NotifyHealthy && r.c.Health == nil {
		return errs.Invalidf("--sdnotify %s: container %q has no healthcheck", mode, r.c.Name)
	}
	if socket := os.Getenv("NOTIFY_SOCKET"); socket != "" && mode != spec.NotifyIgnore {
		r.unit.notify = shim.Notify{Mode: mode, Socket: socket, Main: r.detach}
	}
	count, err := listening()
	if err != nil {
		return err
	}
	if count > 0 {
		r.unit.listen = []string{spec.ListenFDs + "=" + strconv.Itoa(count), spec.ListenPID + "=1"}
		if names, found := os.LookupEnv(spec.ListenNames); found {
			r.unit.listen = append(r.unit.listen, spec.ListenNames+"="+names)
		}
	}
	if !r.old { // what the caller of an earlier rc had open was its own
		count = max(count, r.c.PreserveFDs)
	}
	r.extra, err = session.Preserved(count, r.opts.PreserveFD)
	return err
}

// listening is how many sockets were handed to this process, and to nobody before it.
func listening() (int, error) {
	if os.Getenv(spec.ListenPID) != strconv.Itoa(os.Getpid()) {
		return 0, nil
	}
	value := os.Getenv(spec.ListenFDs)
	count, err := strconv.Atoi(value)
	if err != nil || count < 0 || count > 1<<16 {
		return 0, errs.Invalidf("%s %q: want the number of sockets", spec.ListenFDs, value)
	}
	return count, nil
}

// describe adds to what the container is: where its messages go, and which sockets it has. A
// NOTIFY_SOCKET of the user's own stays.
func (u *unit) describe(c *specs.Spec, runDir string) {
	env := slices.Clone(u.listen)
	if _, own := spec.EnvValue(c.Process.Env, "NOTIFY_SOCKET"); u.notify.Mode == spec.NotifyContainer && !own {
		env = append(env, "NOTIFY_SOCKET="+filepath.Join(spec.NotifyDir, spec.NotifyName))
		c.Mounts = append(slices.Clip(c.Mounts), specs.Mount{
			Type: "bind", Source: filepath.Join(runDir, shim.NotifyDir), Destination: spec.NotifyDir,
			Options: []string{"bind", "rprivate", "nosuid", "nodev", "noexec", "ro"},
		})
	}
	if len(env) == 0 {
		return
	}
	process := *c.Process
	process.Env = spec.JoinEnv(process.Env, env)
	c.Process = &process
}

// makeDirectory makes what describe mounts.
func (u *unit) makeDirectory(runDir string) error {
	if u.notify.Mode != spec.NotifyContainer {
		return nil
	}
	err := os.Mkdir(filepath.Join(runDir, shim.NotifyDir), 0o755)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// startedBySystemd tells whether the parent is a manager, rather than a shell in a unit.
func startedBySystemd() bool {
	comm, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/comm")
	return err == nil && string(comm) == "systemd\n"
}
