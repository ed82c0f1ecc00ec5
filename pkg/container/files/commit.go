package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// CommitOptions are those of `rc commit`.
type CommitOptions struct {
	image.CommitOptions
	// ConfigFile has an image configuration that is laid over the container's; Changes are
	// Dockerfile instructions that come after it.
	ConfigFile string
	Changes    []string
	// Volumes declares what the user mounted as volumes of the image.
	Volumes bool
	// Pause freezes the container's processes meanwhile.
	Pause bool
}

// Commit makes an image of a container; it gives the image's id.
func Commit(ctx context.Context, cfg *config.Config, name string, o CommitOptions) (string, error) {
	changes, err := image.ParseChanges(o.Changes)
	if err == nil {
		err = o.Check()
	}
	if err != nil {
		return "", fmt.Errorf("commit %q: %w", name, err)
	}
	root := records.Of(cfg)
	e, err := root.Find(name)
	if err != nil {
		return "", err
	}
	id, err := commit(ctx, cfg, e, changes, o)
	if err != nil {
		return "", fmt.Errorf("commit container %q: %w", e.Name, err)
	}
	records.Emit(cfg, "commit", e)
	return id, nil
}

func commit(ctx context.Context, cfg *config.Config, e *state.Entry, changes []image.Change, o CommitOptions) (id string, err error) {
	root := records.Of(cfg)
	c, err := root.Load(e.ID)
	if err != nil {
		return "", err
	}
	if c.Rootfs.Path != "" {
		return "", errs.WithHint(errs.Unsupportedf("it was made with --rootfs, from no image"), fmt.Sprintf("rc export %s | rc import - NAME", e.Name))
	}
	base, err := image.Resolve(ctx, cfg, c.Image.ID, image.Platform{})
	if err != nil {
		return "", err
	}
	o.Base, o.Upper = base.ID, filepath.Join(root.Dir(e.ID), "upper")
	o.CreatedBy = strings.Join(c.OCI.Process.Args, " ")
	o.MountPoints = slices.Sorted(maps.Keys(MountPoints(c)))
	o.Config = committed(root, base.Config, c, o.Volumes)
	if o.ConfigFile != "" {
		if err := image.MergeConfig(&o.Config, o.ConfigFile); err != nil {
			return "", err
		}
	}
	image.Apply(&o.Config, changes)
	release, err := still(ctx, root, e, o.Pause)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, release()) }()
	return image.Commit(ctx, cfg, o.CommitOptions)
}

// still keeps a container from being removed or started where it does not run. One that runs is frozen if
// that is wanted, and what it has written is brought to where it can be read.
func still(ctx context.Context, root state.Root, e *state.Entry, pause bool) (release func() error, err error) {
	if !e.Alive() {
		dir, err := hold(ctx, root, e.ID)
		if err != nil {
			return nil, err
		}
		return dir.Close, nil
	}
	release = func() error { return nil }
	if pause && e.Status == state.Running {
		if release, err = freeze(ctx, root, e); err != nil {
			return nil, err
		}
	}
	if err := flush(e); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// freeze pauses a container until release, or the end of this process, whatever that is of.
func freeze(ctx context.Context, root state.Root, e *state.Entry) (release func() error, err error) {
	guard, err := shim.Dial(root.RunDir(e.ID))
	if err != nil {
		return nil, err
	}
	if err = guard.ThawLater(); err == nil {
		err = lifecycle.Pause(ctx, root, e.ID)
	}
	if err != nil {
		return nil, errors.Join(err, guard.Detach(), guard.Close())
	}
	return func() error {
		err := lifecycle.Unpause(context.WithoutCancel(ctx), root, e.ID)
		return errors.Join(err, guard.Detach(), guard.Close())
	}, nil
}

// flush writes what fuse-overlayfs has not got yet: with its write-back cache, the kernel keeps what
// processes write to a file that is open.
func flush(e *state.Entry) error {
	if e.State == nil || e.State.PID == 0 || e.State.MountProgram != overlay.Fuse || !linux.Alive(e.State.PID, e.State.PIDStart) {
		return nil
	}
	root, err := os.Open("/proc/" + strconv.Itoa(e.State.PID) + "/root")
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
		return nil // it has just ended; or its root is for others than us, who lose what is in no file yet
	}
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unix.Syncfs(int(root.Fd())); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// committed is the configuration of an image made of a container: its image's, with what the
// container was told.
func committed(root state.Root, base index.Config, c *spec.Container, volumes bool) index.Config {
	n := base
	n.Entrypoint, n.Cmd, n.Labels = c.Entrypoint, c.Cmd, maps.Clone(c.Labels)
	delete(n.Labels, spec.UnitLabel) // the container is that unit's, and not what is made of the image
	n.Volumes, n.ExposedPorts = maps.Clone(base.Volumes), maps.Clone(base.ExposedPorts)
	if p := c.OCI.Process; p != nil {
		n.WorkingDir, n.User = p.Cwd, p.User.Username
		n.Env = slices.DeleteFunc(slices.Clone(p.Env), func(entry string) bool { return ours(c, base.Env, entry) })
	}
	for _, m := range c.OCI.Mounts {
		if isVolume(root, c, m, volumes) {
			if n.Volumes == nil {
				n.Volumes = map[string]struct{}{}
			}
			n.Volumes[m.Destination] = struct{}{}
		}
	}
	return n
}

// isVolume says whether a mount becomes a volume of the image: what the user asked for without a source, as in
// podman, and with all also other volumes, and directories of the host. A volume is a directory: files that are
// mounted are none.
func isVolume(root state.Root, c *spec.Container, m specs.Mount, all bool) bool {
	switch {
	case m.Type == spec.TypeVolume:
		return all || slices.Contains(m.Options, spec.OptAnonymous)
	case !all || !state.IsUserMount(root, c, m):
		return false
	}
	info, err := os.Stat(m.Source)
	return err == nil && info.IsDir()
}

// ours says whether rc put a variable into the environment, for this container alone.
func ours(c *spec.Container, image []string, entry string) bool {
	if slices.Contains(image, entry) {
		return false
	}
	key, value, _ := strings.Cut(entry, "=")
	switch key {
	case "HOSTNAME":
		return value == c.OCI.Hostname || c.OCI.Hostname == ""
	case "TERM":
		return value == "xterm"
	case spec.UnitLabel, spec.QuadletVariable:
		return true
	}
	return entry == "container=oci"
}
