package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/mounts"
	"github.com/rc-containers/rc/pkg/container/placement"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// run is one container on its way from a description to a running command, and further in
// the foreground.
type run struct {
	cfg     *config.Config
	streams session.Streams
	c       *spec.Container
	// opts and image are what a new container is made of.
	opts  create.Options
	image create.Image
	// old says that the container is on record already.
	old bool
	// step is what the container is a step of a build for; nil for all others.
	step *Step
	// connected is the network that it has then, if that was there before it; nil for one of its own.
	connected *stepNetwork
	// detach leaves the container to itself once its command runs; hold before that.
	detach, hold bool
	// front says which of rc's streams are the container's, by number.
	front    [3]bool
	keys     []byte // that detach from its terminal
	sigProxy bool
	sdNotify string // --sdnotify of rc start; "" is the container's

	network  *network.Plan // nil for none and host
	bridges  *bridges      // nil for other modes than bridge
	dir      *state.Dir
	joined   joined            // whose user namespace it shares
	accounts map[string][]byte // files of the layer accountsDir
	// resolved are the mounts as they are now, and held the volumes among them.
	resolved *mounts.Resolved
	held     *mounts.Held
	shim     *userns.Process
	client   *shim.Client
	place    *placement.Placement
	ports    *network.Reservation // held until the helper has them
	told     bool                 // the shim has its plan
	started  bool                 // the command runs, or did
	extra    []*os.File           // of --preserve-fds and LISTEN_FDS
	unit     unit                 // what systemd wants to hear, and hands over
	// restore takes back what rawTerminal did; nil where it did nothing.
	restore func()
	// groupAdd are the container's, and those of its CDI devices.
	groupAdd []string
	// bundle is what config.json says, where there are hooks to read it; nil without.
	bundle *specs.Spec
}

// Run makes a container of the image and runs it in the foreground until it ends, or is
// detached from. The result is the command's exit code; the errors are rc's own and carry the
// exit code that docker and podman use (errs.Code): 127 for a command that is not there, 126
// for one that cannot be executed, else 125. Nothing is left after an error. With
// Options.Detach it returns once the command runs, and writes the container's id to
// streams.Out.
//
// The steps that wait for others run side by side: the shim's start and newuidmap, the
// answer of systemd, and the writing of the record.
func Run(ctx context.Context, cfg *config.Config, opts create.Options, image create.Image, streams session.Streams) (int, error) {
	r := &run{
		cfg: cfg, opts: opts, image: image, streams: streams,
		detach: opts.Detach, keys: opts.DetachKeys, sigProxy: opts.SigProxy,
	}
	if err := r.describe(ctx); err != nil {
		return 0, err
	}
	r.chooseStreams()
	old, err := r.replaced()
	if err != nil {
		return 0, err
	}
	if err := startRequired(ctx, cfg, r.c.Requires); err != nil {
		return 0, err
	}
	if err := r.replace(ctx, old); err != nil {
		return 0, err
	}
	if err := r.takePorts(ctx); err != nil {
		return 0, err
	}
	defer r.ports.Release()
	if err := r.planNetwork(); err != nil {
		return 0, err
	}
	if err := r.launch(ctx); err != nil {
		return 0, r.giveUp(ctx, err)
	}
	if r.detach {
		return 0, r.leave(ctx)
	}
	return r.follow(ctx)
}

// chooseStreams says which of rc's streams a container that is run is connected with.
func (r *run) chooseStreams() {
	if r.detach {
		return
	}
	for n, name := range []string{"stdin", "stdout", "stderr"} {
		r.front[n] = len(r.c.Attach) == 0 || slices.Contains(r.c.Attach, name)
	}
	r.front[0] = r.front[0] && r.c.Stdin
}

// leave goes, once the command runs, and lets the container stay.
func (r *run) leave(ctx context.Context) error {
	stop := context.AfterFunc(ctx, r.client.Shutdown)
	defer stop()
	event, err := r.client.Next()
	if err == nil {
		err = r.writePID(event.PID)
	}
	if err == nil {
		err = r.client.Detach()
	}
	if err != nil {
		return r.giveUp(ctx, err)
	}
	r.started = true
	r.ports.Release()
	r.debugStart(event.PID)
	if event.Input != nil {
		event.Input.Close()
	}
	if _, err := r.client.Next(); err != nil {
		slog.Debug("shim has gone", "error", err) // the container has ended meanwhile
	}
	if !r.old {
		fmt.Fprintln(r.streams.Out, r.c.ID)
	}
	TellLinger(r.streams.Err, r.cfg)
	TellRestart(r.streams.Err, r.cfg, r.c.Restart.Policy)
	r.tidy(ctx)
	_ = r.client.Close()
	_ = r.dir.Close()
	return nil
}

func (r *run) writePID(pid int) error {
	if r.c.PIDFile == "" {
		return nil
	}
	if err := os.WriteFile(r.c.PIDFile, []byte(strconv.Itoa(pid)), 0o644); err != nil {
		return fmt.Errorf("--pidfile: %w", err)
	}
	return nil
}

// giveUp takes back what was done after an error. One that a signal to rc brought about, by
// which everybody loses everybody, is told as what it is.
func (r *run) giveUp(ctx context.Context, err error) error {
	r.restoreTerminal()
	if ctx.Err() != nil {
		err = fmt.Errorf("start container %q: interrupted", r.c.Name)
	}
	return errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
}

// debugStart tells --debug how long the shim took for the parts of the start, and that the command runs.
func (r *run) debugStart(pid int) {
	if len(r.client.Phases) > 0 {
		took := make([]any, 0, 2*len(r.client.Phases))
		for _, p := range r.client.Phases {
			took = append(took, p.Name, p.Took.Round(time.Microsecond))
		}
		slog.Debug("meanwhile in the shim", took...)
	}
	slog.Debug("command runs", "pid", pid)
}

// describe makes the container's description; nothing is changed yet.
func (r *run) describe(ctx context.Context) error {
	env, err := create.Surroundings(r.cfg, r.opts.Privileged)
	if err == nil {
		err = r.identify(ctx, &env)
	}
	if err == nil {
		err = r.findRequired()
	}
	if err == nil {
		err = r.findNetwork(&env)
	}
	if err != nil {
		return err
	}
	env.Created = time.Now()
	if env.Network, env.PublishNetwork, err = defaultNetworks(r.cfg); err != nil {
		return err
	}
	env.MountsOf, env.ImageLayers = r.mountsOf, r.imageLayers
	if env.ID, err = state.GenerateID(); err != nil {
		return err
	}
	root := r.records()
	if env.Name = r.opts.Name; env.Name == "" && r.step == nil {
		env.Name = root.GenerateName()
	}
	env.Dir, env.RunDir = root.Dir(env.ID), root.RunDir(env.ID)
	if r.c, err = create.Container(r.opts, r.image, env); err != nil {
		return err
	}
	if r.step != nil {
		r.stepPoints()
	}
	if err := r.describeAccounts(ctx); err != nil {
		return err
	}
	if r.c.OCI.Process.Terminal {
		r.c.OCI.Process.ConsoleSize = session.TerminalSize(r.streams.Out)
	}
	slog.Debug("container described", "id", r.c.ID, "name", r.c.Name, "image", r.c.Image.Name, "network", r.c.Network.Mode,
		"mount_program", r.c.Rootfs.MountProgram)
	return r.checkNetwork()
}

func (r *run) records() state.Root { return records.Of(r.cfg) }

// tidy takes away what killed calls left, while the shim is at work. What it cannot do is
// no concern of this container's.
func (r *run) tidy(ctx context.Context) {
	_ = lifecycle.Sweep(ctx, r.cfg)
	r.place.SweepScopes(ctx)
	_ = lifecycle.EmptyTrash(ctx, r.cfg, trashAge)
}

// trashAge is how long a removed container may be left to the shim that deletes it.
const trashAge = 5 * time.Second

// launch starts the shim and everything that it needs, until the command is about to run.
func (r *run) launch(ctx context.Context) error {
	plan, order, err := r.plan(ctx)
	if err != nil {
		return err
	}
	if r.place, err = placement.Plan(ctx, r.cfg, r.c, r.unit.notify.Mode != ""); err != nil {
		return err
	}
	defer r.joined.close()
	if err := r.joinUserns(); err != nil {
		return err
	}
	if err := r.joinNetwork(); err != nil {
		return err
	}
	if err := r.joinSpace(); err != nil {
		return err
	}
	if err := r.startShim(ctx, order); err != nil {
		return err
	}
	placed := r.place.Start(ctx, r.shim.PID)
	if err := r.reserve(plan); err != nil {
		return err
	}
	slog.Debug("name and directories taken", "directory", r.dir.Path())
	if err := r.complete(ctx, plan, order); err != nil {
		return err
	}
	if !r.place.Waits() {
		if plan.Place, _, err = placed(); err != nil {
			return err
		}
	}
	if err := r.shim.Mapped(); err != nil {
		return err
	}
	if err := r.bridges.found(r); err != nil {
		return err
	}
	slog.Debug("id maps written")
	r.told = true
	if err := r.client.SendPlan(plan); err != nil {
		return err
	}
	// The shim and the first process are at work from here.
	slog.Debug("plan sent")
	if !r.old {
		if err := r.record(); err != nil {
			return err
		}
		slog.Debug("container recorded")
	}
	if r.place.Waits() {
		place, cgroup, err := placed()
		if err != nil {
			return err
		}
		if err := r.client.SendPlace(place, cgroup); err != nil {
			return err
		}
	}
	r.place.Release()
	r.tellPlacement()
	if err := r.rawTerminal(); err != nil {
		return err
	}
	return r.client.Go()
}

// tellPlacement says, once for all calls, why the container has no cgroup where no login would help.
func (r *run) tellPlacement() {
	if r.place.Made == nil && r.c.Cgroups.Mode != "disabled" && r.step == nil && !told(r.cfg, toldSystemd) {
		tellNoSystemd(r.streams.Err, r.cfg, thisKeeper())
	}
}

// reserve takes the name, where the container is new, and makes what the shim and the
// container mount.
func (r *run) reserve(plan *shim.Plan) error {
	// What the container sees must be readable for all its users, whatever the caller's umask.
	if r.step == nil {
		defer unix.Umask(unix.Umask(0o022))
	}
	if !r.old {
		if err := r.take(); err != nil {
			return err
		}
	}
	if err := r.holdVolumes(); err != nil {
		return err
	}
	if !r.old {
		if err := r.makeDirectories(plan.Overlays); err != nil {
			return err
		}
	}
	if err := r.writeBundle(plan); err != nil {
		return err
	}
	if err := r.unit.makeDirectory(r.dir.RunPath()); err != nil {
		return err
	}
	if err := r.takeLeases(); err != nil {
		return err
	}
	for name, content := range r.bridgeFiles(create.Files(r.c, r.names())) {
		path := filepath.Join(r.dir.RunPath(), name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		if r.step != nil {
			if err := os.Chmod(path, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// patience is how long a shim that has been told to end may take for it.
const patience = 15 * time.Second
