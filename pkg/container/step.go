package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/logs"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
)

// Step is a command of a build. Its container is nobody's but the caller's: without a name, a record or events. What it
// changes is in directories of the caller's, which stay.
type Step struct {
	// Options are as Run's. Those that are about a container that others can see have no meaning: its name, its labels, its log,
	// its restart policy.
	Options create.Options
	// Rootfs has Lower, Upper and Work; MountProgram is the one that the layers need, "" for any.
	Rootfs spec.Rootfs
	// Images are what mounts of the type image mean, by the names that are their sources. Each is mounted with a directory
	// above it that is thrown away, unless it is mounted read-only.
	Images map[string]create.Image
	// Files are put into the container's memory, and Env added to what Options say: both are in no file. Owners are ids that
	// files and directories of the host are given, to be mounted.
	Files  []oci.File
	Env    []string
	Owners []shim.Owner

	// Userns is the default map of a process that lives as long as the step, in which its shim is started; nil makes one. Steps.Run
	// needs it for networks that last for more than one.
	Userns *os.File

	mounts []specs.Mount // all that there are, before it is looked up what they are

	// Out and Err get what the command prints, as it is; In is its standard input, nil for none. They stay the caller's.
	session.Streams
}

// StepEnd is how the command of a Step ended.
type StepEnd struct {
	Code int
	// OOM says that the out-of-memory killer struck in the container.
	OOM bool
}

// runStep runs a step until it ends, or ctx does. When it returns nothing is left of the container: neither processes nor
// mounts. Its errors carry codes as Run's do; a command that cannot be executed is one, too. Several may run at once.
func runStep(ctx context.Context, cfg *config.Config, networks *stepNetworks, s Step) (_ StepEnd, err error) {
	r := &run{cfg: cfg, opts: s.Options, image: create.Image{Rootfs: s.Rootfs}, streams: s.Streams, step: &s, front: [3]bool{true, true, true}}
	r.likeStep()
	if err := r.describe(ctx); err != nil {
		return StepEnd{}, err
	}
	if err := r.planNetwork(); err != nil {
		return StepEnd{}, err
	}
	defer r.ports.Release()
	if r.sharesNetwork() {
		n, err := networks.take(ctx, r)
		if err != nil {
			return StepEnd{}, err
		}
		defer func() {
			if err != nil { // something of the step may be left
				networks.drop(ctx, n)
			} else {
				networks.putBack(ctx, n)
			}
		}()
		r.connect(n)
	}
	if err := r.launch(ctx); err != nil {
		return StepEnd{}, r.giveUpStep(ctx, err)
	}
	stop := context.AfterFunc(ctx, r.client.Shutdown)
	defer stop()
	event, err := r.client.Next()
	if err != nil {
		return StepEnd{}, r.giveUpStep(ctx, err)
	}
	r.debugStart(event.PID)
	end, err := r.client.Next()
	if err != nil {
		return StepEnd{}, r.giveUpStep(ctx, errs.WithCode(err, errs.CodeSignal+9))
	}
	// The shim unmounts: only then are the directories the caller's again.
	gone, err := linux.PidfdWait(r.shim.Pidfd, int(patience.Milliseconds()))
	if err == nil && !gone {
		err = errors.New("its shim does not end")
	}
	if err != nil {
		return StepEnd{}, r.giveUpStep(ctx, err)
	}
	_, _ = r.shim.Wait() // its code says what the message said
	r.held.Release()
	slog.Debug("command ended", "code", end.Code, "oom", end.OOM)
	return StepEnd{Code: end.Code, OOM: end.OOM}, errors.Join(r.client.Close(), r.dir.Close())
}

// likeStep gives the options what all steps have in common.
func (r *run) likeStep() {
	o := &r.opts
	o.Name, o.Remove, o.NoContainerEnv, o.Network.NoHostname, o.NoPasswd = "", true, true, true, true
	o.Log = spec.Log{Driver: logs.None}
	// There is nothing that the command could save: whoever ends it wants to be rid of it.
	o.StopSignal, o.StopTimeout = "KILL", new(uint)
}

// giveUpStep takes back what was done after an error.
func (r *run) giveUpStep(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
}

// pointsDir has the mount points that a step needs besides everybody's, in the container's directory: it lies below all
// layers, so that none of them gets into the layer that is to be made.
const pointsDir = "points"

// stepPoints gives the root its mount points, once all mounts are known.
func (r *run) stepPoints() {
	r.c.Rootfs.Lower = append(slices.Clip(r.c.Rootfs.Lower), filepath.Join(r.records().Dir(r.c.ID), pointsDir))
}

// makeDirectories makes what a step's shim mounts. All users of the container have to read it, whatever the
// caller's umask: that is the whole process's, where other steps are on their way.
func (s *Step) makeDirectories(dir string, overlays []shim.Overlay) error {
	points := filepath.Join(dir, pointsDir)
	if err := makeOpen(points); err != nil {
		return err
	}
	for _, m := range s.mounts {
		if hasPoint(s.mounts, m.Destination) {
			continue
		}
		if err := makePoint(points, m.Destination, s.isDirectory(m)); err != nil {
			return fmt.Errorf("mount point %q: %w", m.Destination, err)
		}
	}
	for _, f := range s.Files {
		if hasPoint(s.mounts, f.Path) {
			continue
		}
		if err := makePoint(points, f.Path, false); err != nil {
			return fmt.Errorf("mount point %q: %w", f.Path, err)
		}
	}
	for _, o := range overlays {
		if err := o.Make(); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(o.Dir, "upper"), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// points are those of the root itself.
func (s *Step) points() []string {
	var out []string
	for _, m := range s.mounts {
		if !inMount(s.mounts, m.Destination) {
			out = append(out, m.Destination)
		}
	}
	for _, f := range s.Files {
		if !inMount(s.mounts, f.Path) {
			out = append(out, f.Path)
		}
	}
	return out
}

// hasPoint says that a mount needs no point of its own: stepPoints has it, or it lies in another mount.
func hasPoint(all []specs.Mount, destination string) bool {
	known := stepPoints()
	return slices.Contains(strings.Fields(known.dirs+" "+known.files), strings.TrimPrefix(destination, "/")) || inMount(all, destination)
}

func inMount(all []specs.Mount, destination string) bool {
	return slices.ContainsFunc(all, func(other specs.Mount) bool { return strings.HasPrefix(destination, other.Destination+"/") })
}

// isDirectory says what a mount shows.
func (s *Step) isDirectory(m specs.Mount) bool {
	switch m.Type {
	case "bind":
		info, err := os.Stat(m.Source)
		return err != nil || info.IsDir()
	case spec.TypeImage:
		_, subpath := spec.MountOptions(m)
		for _, layer := range s.Images[m.Source].Rootfs.Lower {
			if info, err := os.Lstat(filepath.Join(layer, subpath)); err == nil {
				return info.IsDir()
			}
		}
	}
	return true
}

// makePoint makes a mount point and the directories above it. One that is there already, or lies in a file, will do: what is mounted
// in another mount is not looked for here.
func makePoint(points, destination string, isDir bool) error {
	destination = path.Clean("/" + destination)
	dir := points
	for name := range strings.SplitSeq(strings.Trim(path.Dir(destination), "/"), "/") {
		if dir = filepath.Join(dir, name); name != "" {
			if err := makeOpen(dir); err != nil {
				return err
			}
		}
	}
	if isDir {
		return makeOpen(filepath.Join(points, destination))
	}
	f, err := os.OpenFile(filepath.Join(points, destination), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o644), f.Close())
}

// makeOpen makes a directory that everybody may look into.
func makeOpen(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}
