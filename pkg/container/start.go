package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// StartOptions say how to start a container that is on record.
type StartOptions struct {
	// Attach keeps the caller connected with the container until it ends, whose exit code is
	// the result then.
	Attach     bool
	Stdin      bool // with Attach: hand on the caller's standard input
	DetachKeys []byte
	SigProxy   bool
	// SDNotify takes the place of the container's own; "" leaves it.
	SDNotify string
	// Hold sets the container up and leaves its command to the next Start.
	Hold    bool
	Streams session.Streams
}

// Create makes a container that waits for Start. Nothing is left after an error.
func Create(ctx context.Context, cfg *config.Config, opts create.Options, image create.Image, streams session.Streams) (*spec.Container, error) {
	r := &run{cfg: cfg, opts: opts, image: image, streams: streams}
	if err := r.describe(ctx); err != nil {
		return nil, err
	}
	old, err := r.replaced()
	if err != nil {
		return nil, err
	}
	plan, _, err := r.plan(ctx) // it refuses what could not be started
	if err != nil {
		return nil, err
	}
	if err := r.replace(ctx, old); err != nil {
		return nil, err
	}
	err = r.take()
	if err == nil {
		err = r.holdVolumes()
	}
	if err == nil {
		err = r.makeDirectories(plan.Overlays)
	}
	if err == nil {
		err = r.record()
	}
	if err != nil {
		return nil, r.giveUp(ctx, err)
	}
	records.Emit(cfg, "create", &state.Entry{Summary: spec.Summary{ID: r.c.ID, Name: r.c.Name, Image: r.c.Image.Name}})
	_ = os.Remove(r.dir.RunPath()) // it waits for Start, perhaps until after a boot
	return r.c, r.dir.Close()
}

// killedTime is how long a killed shim may take to be gone: the kernel ends the container's processes first.
const killedTime = 10 * time.Second

// Start starts the container id. One that runs already is none the worse for it, and is
// attached to where that is asked for. What it requires is started first. A failure to start is noted in its record.
func Start(ctx context.Context, cfg *config.Config, id string, o StartOptions) (int, error) {
	if e, err := records.Of(cfg).Find(id); err == nil && len(e.Requires) > 0 && !e.Alive() {
		if err := startRequired(ctx, cfg, e.Requires); err != nil {
			return 0, fmt.Errorf("start container %q: %w", e.Name, err)
		}
	}
	return start(ctx, cfg, id, o)
}

// start is Start without what the container requires.
func start(ctx context.Context, cfg *config.Config, id string, o StartOptions) (int, error) {
	root := records.Of(cfg)
	dir, err := root.Lock(ctx, id)
	if err != nil {
		return 0, err
	}
	e, err := root.Find(dir.ID)
	if err != nil {
		return 0, errors.Join(err, dir.Close())
	}
	// A shim that has just been killed takes its container with it: that is no container that runs.
	for wait := time.Now(); e.Alive() && linux.Dying(e.State.ShimPID) && time.Since(wait) < killedTime; {
		time.Sleep(time.Millisecond)
		if e, err = root.Find(dir.ID); err != nil {
			return 0, errors.Join(err, dir.Close())
		}
	}
	if e.Alive() {
		return startAlive(ctx, cfg, e, o, dir)
	}
	if err = root.CheckUnmounted(e.ID); err == nil {
		err = writable(root.Dir(e.ID))
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("start container %q: %w", e.Name, err), dir.Close())
	}
	if err := clearAway(ctx, cfg, e); err != nil {
		return 0, errors.Join(err, dir.Close())
	}
	c, err := root.Load(e.ID)
	if err != nil {
		return 0, errors.Join(err, dir.Close())
	}
	if c.Cgroups.Manager == "" {
		c.Cgroups.Manager = cfg.CgroupManager
	}
	r := &run{
		cfg: cfg, c: c, streams: o.Streams, old: true, dir: dir, hold: o.Hold,
		detach: !o.Attach, keys: o.DetachKeys, sigProxy: o.SigProxy, sdNotify: o.SDNotify,
	}
	if o.Attach {
		r.front = [3]bool{o.Stdin && c.Stdin, true, true}
	}
	return r.startOld(ctx)
}

// writable says of a directory on a file system that has become read-only what a mount in it would not.
func writable(dir string) error {
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return fmt.Errorf("write to %q: %w", dir, err)
	}
	return nil
}

// startOld starts a container that is on record, and whose directory is locked.
func (r *run) startOld(ctx context.Context) (int, error) {
	began := time.Now()
	err := r.takePorts(ctx)
	if err == nil {
		err = r.planNetwork()
	}
	if err == nil {
		err = os.MkdirAll(r.dir.RunPath(), 0o700)
	}
	if err == nil {
		err = r.records().ClearStopped(r.c.ID)
	}
	if err == nil {
		err = r.launch(ctx)
	}
	code := 0
	switch {
	case err != nil:
		err = r.giveUp(ctx, err)
	case r.detach:
		err = r.leave(ctx)
	default:
		code, err = r.follow(ctx)
	}
	if err == nil || r.started {
		return code, err
	}
	failed := &spec.Exit{Code: errs.Code(err), Error: err.Error(), Started: began, Finished: time.Now()}
	if noted := r.records().WriteExit(r.c.ID, failed); noted != nil {
		err = errors.Join(err, noted)
	}
	return 0, fmt.Errorf("start container %q: %w", r.c.Name, err)
}

// startAlive is Start of a container that its shim looks after.
func startAlive(ctx context.Context, cfg *config.Config, e *state.Entry, o StartOptions, dir *state.Dir) (int, error) {
	begin := func() error {
		defer func() { _ = dir.Close() }()
		if e.Status != state.Initialized || o.Hold {
			return nil
		}
		client, err := shim.Dial(records.Of(cfg).RunDir(e.ID))
		if err == nil {
			err = client.Release()
			_ = client.Close()
		}
		if err != nil {
			return records.AskError("start", e, err)
		}
		return nil
	}
	if !o.Attach {
		return 0, begin()
	}
	if e.Status == state.Paused {
		_ = dir.Close()
		return 0, records.NotRunning("attach to", e)
	}
	return session.Connect(ctx, cfg, e, session.AttachOptions{Stdin: o.Stdin, DetachKeys: o.DetachKeys, SigProxy: o.SigProxy, Streams: o.Streams}, begin)
}

// clearAway waits until the last life's shim has cleaned up, or takes away what a killed one
// has left.
func clearAway(ctx context.Context, cfg *config.Config, e *state.Entry) error {
	root := records.Of(cfg)
	if e.State == nil {
		return awaitRemoval(ctx, root.RunDir(e.ID))
	}
	old, err := lifecycle.OpenProcess(e.State.ShimPID, e.State.ShimStart)
	if err != nil {
		return err
	}
	if old != nil {
		defer old.Close()
		done, err := lifecycle.AwaitEnd(ctx, old, lifecycle.KillGrace)
		if err == nil && !done {
			err = errs.WithHint(fmt.Errorf("start container %q: process %d still cleans up after its last life: %w",
				e.Name, e.State.ShimPID, errs.ErrInUse), "rc rm -f "+e.Name)
		}
		if err != nil {
			return err
		}
	}
	if e.State.Cgroup != "" {
		lifecycle.KillCgroup(e.State.Cgroup) // with the host's pid namespace processes survive the shim
		lifecycle.RemoveCgroup(ctx, e.State.Cgroup)
	}
	return os.RemoveAll(root.RunDir(e.ID))
}

// awaitRemoval waits until the last life's shim has taken its runtime directory away, of which
// state.json may go first: what is made in it meanwhile would go, too. What is still there after
// some time is of a killed one.
func awaitRemoval(ctx context.Context, dir string) error {
	for deadline := time.Now().Add(lifecycle.RouseAfter); time.Now().Before(deadline); {
		if _, err := os.Lstat(dir); err != nil {
			return nil //nolint:nilerr // it has gone
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lifecycle.PollEvery / 4):
		}
	}
	return os.RemoveAll(dir)
}

// Init sets a container up that does not run: its command waits for Start.
func Init(ctx context.Context, cfg *config.Config, id string, streams session.Streams) error {
	e, err := records.Of(cfg).Find(id)
	if err != nil {
		return err
	}
	if e.Alive() {
		return fmt.Errorf("set up container %q: %w: it is %s", e.Name, errs.ErrState, e.Status)
	}
	_, err = Start(ctx, cfg, id, StartOptions{Hold: true, Streams: streams})
	return err
}
