package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// NeedUnshare refuses the host's namespaces: a user cannot mount there, and a mount that is made
// elsewhere would not be seen.
func NeedUnshare(verb string) error {
	if userns.Inside() {
		return nil
	}
	return errs.WithHint(errs.Unsupportedf("%s: an ordinary user can mount in a user namespace only", verb), "rc unshare, and there: rc "+verb)
}

// Mount mounts the root of a container that does not run in the caller's mount namespace and
// gives the directory. One that is mounted there already is so once.
func Mount(ctx context.Context, cfg *config.Config, id string) (string, error) {
	root := records.Of(cfg)
	e, err := root.Find(id)
	if err != nil {
		return "", err
	}
	if e.Alive() {
		return "", errs.WithHint(fmt.Errorf("mount container %q: %w: it runs, and its root is in its own namespaces", e.Name, errs.ErrState),
			"rc cp, rc exec, or rc stop "+e.Name+" first")
	}
	path, err := mount(ctx, cfg, e)
	if err != nil {
		return "", fmt.Errorf("mount container %q: %w", e.Name, err)
	}
	records.Emit(cfg, "mount", e)
	return path, nil
}

func mount(ctx context.Context, cfg *config.Config, e *state.Entry) (string, error) {
	root := records.Of(cfg)
	dir, err := hold(ctx, root, e.ID)
	if err != nil {
		return "", err
	}
	defer func() { _ = dir.Close() }()
	own, err := state.OwnMounts()
	if err != nil {
		return "", err
	}
	m, err := root.Mounted(e.ID)
	if err != nil {
		return "", err
	}
	if m != nil && m.Namespace == own {
		return m.Path, nil
	}
	if m != nil {
		return "", root.CheckUnmounted(e.ID)
	}
	c, err := root.Load(e.ID)
	if err != nil {
		return "", err
	}
	if c.Rootfs.Path != "" && !c.Rootfs.Overlay {
		return c.Rootfs.Path, nil // it is there, and needs no mount
	}
	return mountHere(ctx, cfg, c, own)
}

// mountHere mounts, and notes it: the note comes first, so that no mount is without.
func mountHere(ctx context.Context, cfg *config.Config, c *spec.Container, namespace string) (string, error) {
	containers := records.Of(cfg)
	skeleton, err := container.Skeleton(cfg.DataRoot)
	if err != nil {
		return "", err
	}
	lower := slices.Clone(c.Rootfs.Lower)
	if c.Rootfs.Path != "" {
		lower = []string{c.Rootfs.Path}
	}
	path := containers.MountPath(c.ID)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	dir := containers.Dir(c.ID)
	root := overlay.Root{
		Lower: append(lower, filepath.Join(skeleton, shim.SkeletonLower)), Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work"),
		Target: path, Program: c.Rootfs.MountProgram,
	}
	choice, err := overlay.Choose(root.Program, root.Upper)
	if err != nil {
		return "", err
	}
	m := &state.Mount{Path: path, Namespace: namespace, Daemon: daemon(root.Program)}
	if choice.Program == overlay.Native && root.Program == overlay.Native {
		m.Daemon = ""
	}
	err = containers.WriteMount(c.ID, m)
	if err == nil {
		_, err = overlay.Mount(ctx, root)
	}
	if err != nil {
		return "", errors.Join(err, containers.RemoveMount(c.ID))
	}
	return path, nil
}

// daemon is the command, comm(5), of what may serve a mount.
func daemon(program string) string {
	name := overlay.Fuse
	if filepath.IsAbs(program) {
		name = filepath.Base(program)
	}
	const most = 15 // TASK_COMM_LEN
	return name[:min(len(name), most)]
}

// ErrNotMounted is wrapped by Unmount of a container that is not mounted.
var ErrNotMounted = errors.New("it is not mounted")

// Unmount takes the mount of a container away that Mount made in this namespace. Force does so
// while it is in use.
func Unmount(ctx context.Context, cfg *config.Config, id string, force bool) error {
	root := records.Of(cfg)
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	if err := unmount(ctx, root, e, force); err != nil {
		return fmt.Errorf("unmount container %q: %w", e.Name, err)
	}
	records.Emit(cfg, "unmount", e)
	return nil
}

func unmount(ctx context.Context, root state.Root, e *state.Entry, force bool) error {
	if e.Alive() {
		return ErrNotMounted
	}
	dir, err := hold(ctx, root, e.ID)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	m, err := root.Mounted(e.ID)
	if err != nil {
		return err
	}
	if m == nil {
		return ErrNotMounted
	}
	if own, err := state.OwnMounts(); err != nil || own != m.Namespace {
		return errors.Join(err, root.CheckUnmounted(e.ID))
	}
	flags := 0
	if force {
		flags = unix.MNT_DETACH
	}
	err = unix.Unmount(m.Path, flags)
	if errors.Is(err, unix.EBUSY) {
		return errs.WithHint(fmt.Errorf("%q: %w: a process has its working directory or an open file there", m.Path, errs.ErrInUse), "rc unmount --force "+e.Name)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", m.Path, err)
	}
	return root.RemoveMount(e.ID)
}

// Mounts are the containers that are mounted in this namespace, and where.
func Mounts(cfg *config.Config) (entries []state.Entry, paths []string, broken []error) {
	root := records.Of(cfg)
	own, err := state.OwnMounts()
	if err != nil {
		return nil, nil, []error{err}
	}
	list, broken := root.List()
	for _, e := range list {
		m, err := root.Mounted(e.ID)
		if err != nil {
			broken = append(broken, err)
		}
		if m != nil && m.Namespace == own {
			entries, paths = append(entries, e), append(paths, m.Path)
		}
	}
	return entries, paths, broken
}
