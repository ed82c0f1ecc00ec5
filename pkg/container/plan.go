package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/mounts"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/hook"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/logs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// plan is what the shim and the first process are told, checked before anything is started;
// complete adds what takes time and cannot be wrong.
func (r *run) plan(ctx context.Context) (*shim.Plan, *oci.Order, error) {
	var err error
	if err := r.findUnit(); err != nil {
		return nil, nil, err
	}
	plan := &shim.Plan{
		ID: r.c.ID, Records: r.records(), Rootfs: r.c.Rootfs, Image: r.c.Image.Name,
		Remove: r.c.Remove, StopSignal: r.c.StopSignal, StopTimeout: r.c.StopTimeout, Timeout: r.c.Timeout,
		New: !r.old, Hold: r.hold, Restart: r.c.Restart.Policy, Log: r.c.Log, Health: r.c.Health,
		Notify: r.unit.notify, Phases: r.cfg.Debug,
	}
	plan.Log.Path = r.c.Log.File(r.records().Dir(r.c.ID))
	points := ownPoints()
	if r.step != nil {
		points = stepPoints()
	}
	if plan.Skeleton, err = points.at(r.cfg.DataRoot); err != nil {
		return nil, nil, err
	}
	if err := r.planIDs(ctx, plan); err != nil {
		return nil, nil, err
	}
	described, err := r.edited(ctx)
	if err != nil {
		return nil, nil, err
	}
	hooks, err := hook.Of(described, r.c.ID, r.records().RunDir(r.c.ID))
	if err != nil {
		return nil, nil, err
	}
	plan.Hooks = hook.Set{
		CreateRuntime: hooks.CreateRuntime, Poststart: hooks.Poststart, Poststop: hooks.Poststop, Container: hooks.Container,
	}
	if hooks.Any() {
		r.bundle = described
	}
	if err := r.planMounts(plan, described); err != nil {
		return nil, nil, err
	}
	if r.nested() {
		plan.Binds = bindsOf(r.resolved)
	}
	order, err := oci.NewOrder(&oci.Config{
		Spec:          described,
		Rootfs:        plan.Root(),
		Trees:         plan.Trees(),
		GroupAdd:      r.groupAdd,
		Hooks:         hooks,
		ExtraFiles:    r.extra,
		Init:          r.c.Init,
		DieWithParent: !r.ownPIDs(),
	})
	return plan, order, err
}

// planMounts finds out what the mounts are now, and writes that into described.
func (r *run) planMounts(plan *shim.Plan, described *specs.Spec) error {
	if r.step != nil {
		r.step.mounts = described.Mounts
	}
	resolved, err := mounts.Resolve(records.Volumes(r.cfg), described.Mounts)
	if err != nil {
		return err
	}
	r.resolved = resolved
	described.Mounts, plan.Overlays, plan.Fills, plan.Parts = resolved.Mounts, resolved.Overlays, resolved.Fills, resolved.Parts
	plan.Anonymous = state.AnonymousVolumes(r.c)
	if r.step != nil {
		plan.Owners, plan.Points = r.step.Owners, r.step.points()
	}
	if p := described.Process; p != nil {
		plan.User = shim.User{Name: p.User.Username, UID: p.User.UID, GID: p.User.GID}
	}
	return nil
}

// ownPIDs tells whether the container has a pid namespace; else its shim has none either.
func (r *run) ownPIDs() bool { return spec.HasNamespace(&r.c.OCI, specs.PIDNamespace) }

// complete adds the filter, secrets and the network, while the id maps are written.
func (r *run) complete(ctx context.Context, plan *shim.Plan, order *oci.Order) error {
	plan.Name = r.c.Name // reserve may have made another
	if err := r.allocateIDs(ctx, plan); err != nil {
		return err
	}
	if err := session.AddSeccomp(r.cfg, r.c.Seccomp, r.c.OCI.Process, order); err != nil {
		return err
	}
	if err := r.addSecrets(order); err != nil {
		return err
	}
	if err := r.tellNetwork(plan); err != nil {
		return err
	}
	if err := r.planHealth(plan); err != nil {
		return err
	}
	plan.Order = order.Encode()
	return nil
}

// planHealth adds what the processes are told that check the container's health.
func (r *run) planHealth(plan *shim.Plan) error {
	h := r.c.Health
	if h == nil {
		return nil
	}
	var err error
	if plan.HealthOrder, err = checkOrder(r.cfg, r.c, h.Test); err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	if h.Startup != nil {
		if plan.StartupOrder, err = checkOrder(r.cfg, r.c, h.Startup.Test); err != nil {
			return fmt.Errorf("startup healthcheck: %w", err)
		}
	}
	return nil
}

// checkOrder is that of a test in podman's and docker's form.
func checkOrder(cfg *config.Config, c *spec.Container, test []string) ([]byte, error) {
	if len(test) < 2 {
		return nil, errs.Invalidf("%q: want CMD or CMD-SHELL, and a command", test)
	}
	args := test[1:]
	if test[0] == "CMD-SHELL" {
		args = append([]string{"/bin/sh", "-c"}, args...)
	}
	return session.ExecOrder(cfg, c.Inside(), session.ExecOptions{Args: args})
}

// birth is what the shim is started with.
func (r *run) birth(order *oci.Order) shim.Birth {
	b := shim.Birth{Userns: r.joined.userns, Flags: order.Flags(), Wait: r.place.Waits(), Cgroup: r.place.Made, Extra: r.extra, Output: shim.Copied}
	r.bridges.birth(&b)
	for n, f := range []*os.File{r.streams.In, r.streams.Out, r.streams.Err} {
		if r.front[n] {
			b.Stdio[n] = f
		}
	}
	switch driver := r.c.Log.Driver; {
	case r.c.OCI.Process.Terminal:
		b.Output, b.Stdio[0], b.Stdio[2] = shim.Terminal, nil, nil
	case driver == logs.Passthrough:
		b.Output, b.Stdio[1], b.Stdio[2] = shim.Direct, r.streams.Out, r.streams.Err
	case driver == logs.None && (r.front[1] || r.front[2]):
		b.Output = shim.Direct // nobody else reads it
	}
	b.OpenStdin = r.c.Stdin && !r.front[0] && b.Output != shim.Terminal
	return b
}

// startShim starts rc-shim in the default map.
func (r *run) startShim(ctx context.Context, order *oci.Order) error {
	path, err := config.Program("rc-shim")
	if err != nil {
		return err
	}
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return err
	}
	TellSingle(r.streams.Err, r.cfg, ids)
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	space, err := r.bridges.join(r)
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	birth := r.birth(order)
	args, files := birth.Command(theirs)
	var flags uintptr = unix.CLONE_NEWPID
	if !r.ownPIDs() {
		flags = 0 // --pid host: the shim is one of the host's processes too
	}
	// What rc's caller left open is not for the shim, which would keep it open.
	_ = unix.CloseRange(shim.SocketFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // since Linux 5.11
	command := userns.Command{
		Path: path, Args: args,
		// One thread at a time keeps the shim small, and so does a heap that is collected at 1 MB;
		// one that is left alone never comes there.
		Env:    []string{"PATH=" + os.Getenv("PATH"), "GOMAXPROCS=1", "GOGC=25"},
		Dir:    "/",
		Stderr: r.streams.Err,
		Files:  files,
		Flags:  flags,
		Setsid: true,
		// Of who is no child of its own, systemd does not know when and how it has ended.
		Sibling: r.unit.notify.Main && startedBySystemd(),
	}
	if space == nil {
		space = r.joined.shim
	}
	if space != nil {
		command.Netns = r.joined.netns
		r.shim, err = userns.StartIn(space, command)
	} else {
		r.shim, err = userns.Start(ctx, command, ids)
	}
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	slog.Debug("shim started", "program", path, "pid", r.shim.PID, "uids", ids.UIDs, "gids", ids.GIDs)
	r.client = shim.NewClient(ours)
	return r.bridges.joinedBy(r)
}
