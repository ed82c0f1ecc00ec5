package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/mounts"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/volume"
)

// runningRoot opens the root directory of a process, which is a container's first one.
func runningRoot(pid int, start uint64) (*os.File, error) {
	f, err := os.OpenFile("/proc/"+strconv.Itoa(pid)+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("root directory of process %d: %w", pid, err)
	}
	// After opening: the pid may be another process's by now.
	if !linux.Alive(pid, start) {
		f.Close()
		return nil, fmt.Errorf("%w: it has just ended; try again", errs.ErrState)
	}
	return f, nil
}

// holdFor is how long somebody else may have the container's lock: another rc cp, a start.
const holdFor = 10 * time.Second

// hold takes the lock of a container that does not run, without which nobody can start it.
func hold(ctx context.Context, root state.Root, id string) (*state.Dir, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, holdFor, fmt.Errorf("%w: somebody else has it", errs.ErrInUse))
	defer cancel()
	dir, err := root.Lock(waiting, id)
	if err != nil {
		return nil, err
	}
	e, err := root.Find(id)
	if err == nil && e.Alive() {
		err = fmt.Errorf("%w: it has just been started; try again", errs.ErrState)
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// mounter mounts the root of a container that does not run, in this process's own mount
// namespace.
type mounter struct {
	records  state.Root
	store    volume.Root
	c        *spec.Container
	skeleton string
	write    bool     // the root can be written to
	fill     bool     // so can volumes, which are to be filled first
	missing  bool     // a volume has no place, and none could be made
	mounted  []string // in this order
}

// mountStopped gives the root directory of a container that does not run. close takes the mounts
// away. The caller has the container's lock, and is in a mount namespace of its own.
func mountStopped(ctx context.Context, cfg *config.Config, c *spec.Container, write bool) (root *os.File, closeAll func() error, err error) {
	m := &mounter{records: records.Of(cfg), store: records.Volumes(cfg), c: c, write: write, fill: write}
	if m.skeleton, err = container.Skeleton(cfg.DataRoot); err != nil {
		return nil, nil, err
	}
	root, err = m.mount(ctx)
	if err == nil && m.missing {
		// A place for a volume has to be made, as a start makes it.
		err = m.close(root)
		m.write, m.missing, m.mounted, root = true, false, nil, nil
		if err == nil {
			root, err = m.mount(ctx)
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, m.close(root))
	}
	return root, func() error { return m.close(root) }, nil
}

func (m *mounter) mount(ctx context.Context) (*os.File, error) {
	path, err := m.root(ctx)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return root, m.volumes(ctx, root)
}

// close unmounts. fuse-overlayfs ends by that, and only by that.
func (m *mounter) close(root *os.File) error {
	if root != nil {
		root.Close()
	}
	var all error
	for _, target := range slices.Backward(m.mounted) {
		// Volumes are mounted below the root: they go with it.
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			all = errors.Join(all, fmt.Errorf("unmount %q: %w", target, err))
		}
	}
	return all
}

// root mounts the layers and gives the directory.
func (m *mounter) root(ctx context.Context) (string, error) {
	r := m.c.Rootfs
	if r.Path != "" && !r.Overlay {
		return r.Path, nil
	}
	lower := slices.Clone(r.Lower)
	if r.Path != "" {
		lower = []string{r.Path}
	}
	target := filepath.Join(m.skeleton, shim.SkeletonRoot)
	return target, m.overlay(ctx, append(lower, filepath.Join(m.skeleton, shim.SkeletonLower)), m.records.Dir(m.c.ID), target)
}

func (m *mounter) overlay(ctx context.Context, lower []string, dir, target string) error {
	o := overlay.Root{Target: target, Program: m.c.Rootfs.MountProgram}
	if m.write {
		o.Lower, o.Upper, o.Work = lower, filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	} else {
		o.Lower = append([]string{filepath.Join(dir, "upper")}, lower...)
	}
	if _, err := overlay.Mount(ctx, o); err != nil {
		return err
	}
	m.mounted = append(m.mounted, target)
	return nil
}

// volumes mounts below the root what users and images mount there, so that it is copied from and
// to the place where the container's processes see it.
func (m *mounter) volumes(ctx context.Context, root *os.File) error {
	resolved, err := mounts.Resolve(m.store, m.c.OCI.Mounts)
	if err != nil {
		return err
	}
	for i, mount := range resolved.Mounts {
		asked := m.c.OCI.Mounts[i]
		if asked.Type != "overlay" && !state.IsUserMount(m.records, m.c, asked) || mount.Type != "bind" {
			continue
		}
		if err := m.volume(ctx, root, resolved, asked, mount); err != nil {
			return fmt.Errorf("mount %q on %q: %w", asked.Source, asked.Destination, err)
		}
	}
	return nil
}

// volume mounts one of them.
func (m *mounter) volume(ctx context.Context, root *os.File, all *mounts.Resolved, asked, mount specs.Mount) error {
	if fill := slices.IndexFunc(all.Fills, func(f shim.Fill) bool { return f.Volume == asked.Source }); fill >= 0 && asked.Type == spec.TypeVolume {
		if !m.fill {
			return nil // what the image has there is what will be in it
		}
		if spec.HasNamespace(&m.c.OCI, specs.UserNamespace) {
			return errs.WithHint(errs.Unsupportedf("no container has used the volume, and this one's ids are its shim's to give"), "rc start "+m.c.Name)
		}
		f := all.Fills[fill]
		user := func() (int, int, error) { return owner(root, m.c) }
		if err := m.store.Fill(f.Volume, shim.FillFrom(root, f, user)); err != nil {
			return err
		}
	}
	tree, err := m.tree(ctx, all, mount)
	if errors.Is(err, unix.ENOENT) {
		return nil // as much as there is of it
	}
	if err != nil {
		return err
	}
	defer tree.Close()
	info, err := tree.Stat()
	if err != nil {
		return err
	}
	copyUp := info.IsDir() && slices.Contains(mount.Options, spec.OptCopyUp)
	if copyUp && !m.fill && isEmpty(mount.Source) {
		return nil // what the image has there is what will be in it
	}
	target, err := m.mountPoint(int(root.Fd()), mount.Destination, info.IsDir())
	if errors.Is(err, unix.ENOENT) && !m.write {
		m.missing = true
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if copyUp {
		if err := oci.CopyUp(mount.Source, target); err != nil {
			return err
		}
	}
	return attach(tree, target, slices.Contains(mount.Options, "ro"))
}

// tree is a detached copy of what is to be mounted.
func (m *mounter) tree(ctx context.Context, all *mounts.Resolved, mount specs.Mount) (*os.File, error) {
	if part := slices.IndexFunc(all.Parts, func(p shim.Part) bool { return p.Key == mount.Source }); part >= 0 {
		if err := m.mountOverlay(ctx, all, all.Parts[part].Path); err != nil {
			return nil, err
		}
		return all.Parts[part].Open()
	}
	if err := m.mountOverlay(ctx, all, mount.Source); err != nil {
		return nil, err
	}
	fd, err := linux.CloneTree(unix.AT_FDCWD, mount.Source, true)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), mount.Source), nil
}

// mountOverlay mounts the overlay whose place path is, if it is one's.
func (m *mounter) mountOverlay(ctx context.Context, all *mounts.Resolved, path string) error {
	for _, o := range all.Overlays {
		if o.Target() != path {
			continue
		}
		r := o.Mount(m.c.Rootfs.MountProgram, false)
		if !m.write && r.Upper != "" {
			r.Lower, r.Upper, r.Work = append([]string{r.Upper}, r.Lower...), "", ""
		}
		if _, err := overlay.Mount(ctx, r); err != nil {
			return err
		}
		m.mounted = append(m.mounted, r.Target)
	}
	return nil
}

// mountPoint opens the destination of a mount. To read, nothing is made.
func (m *mounter) mountPoint(root int, path string, isDir bool) (int, error) {
	switch {
	case !m.write:
		return linux.OpenInRoot(root, path, unix.O_PATH)
	case isDir:
		return linux.MkdirAllInRoot(root, path, 0o755)
	}
	return linux.CreateInRoot(root, path, 0o644)
}

func attach(tree *os.File, target int, readOnly bool) error {
	if readOnly {
		if err := linux.SetMountAttr(int(tree.Fd()), true, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return err
		}
	}
	return linux.AttachTree(int(tree.Fd()), target, "")
}

func isEmpty(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	return errors.Is(err, io.EOF)
}
