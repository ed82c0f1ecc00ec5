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
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
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
func hold(ctx context.Context, records state.Root, id string) (*state.Dir, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, holdFor, fmt.Errorf("%w: somebody else has it", errs.ErrInUse))
	defer cancel()
	dir, err := records.Lock(waiting, id)
	if err != nil {
		return nil, err
	}
	e, err := records.Find(id)
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
	c        *spec.Container
	skeleton string
	write    bool
	mounted  []string // in this order
}

// mountStopped gives the root directory of a container that does not run. close takes the mounts
// away. The caller has the container's lock, and is in a mount namespace of its own.
func mountStopped(ctx context.Context, cfg *config.Config, c *spec.Container, write bool) (root *os.File, closeAll func() error, err error) {
	m := &mounter{records: container.Records(cfg), c: c, write: write}
	if m.skeleton, err = container.Skeleton(cfg.DataRoot); err != nil {
		return nil, nil, err
	}
	path, err := m.root(ctx)
	if err == nil {
		root, err = os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	}
	if err == nil {
		err = m.volumes(ctx, root)
	}
	if err != nil {
		return nil, nil, errors.Join(err, m.close(root))
	}
	return root, func() error { return m.close(root) }, nil
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
	for _, mount := range m.c.OCI.Mounts {
		if mount.Type != "overlay" && !state.IsUserMount(m.records, m.c, mount) {
			continue
		}
		if err := m.volume(ctx, root, mount); err != nil {
			return fmt.Errorf("mount %q on %q: %w", mount.Source, mount.Destination, err)
		}
	}
	return nil
}

func (m *mounter) volume(ctx context.Context, root *os.File, mount specs.Mount) error {
	source := mount.Source
	if mount.Type == "overlay" {
		var err error
		if source, err = m.overlayVolume(ctx, mount); err != nil {
			return err
		}
	}
	info, err := os.Stat(source)
	if errors.Is(err, unix.ENOENT) {
		return nil // as much as there is of it
	}
	if err != nil {
		return err
	}
	copyUp := info.IsDir() && slices.Contains(mount.Options, spec.OptCopyUp)
	if copyUp && !m.write && isEmpty(source) {
		return nil // what the image has there is what will be in it
	}
	target, err := m.mountPoint(int(root.Fd()), mount.Destination, info.IsDir())
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if copyUp {
		if err := oci.CopyUp(source, target); err != nil {
			return err
		}
	}
	return bind(source, target, slices.Contains(mount.Options, "ro"))
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

func bind(source string, target int, readOnly bool) error {
	tree, err := linux.CloneTree(unix.AT_FDCWD, source, true)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if readOnly {
		if err := linux.SetMountAttr(tree, true, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return err
		}
	}
	return linux.AttachTree(tree, target, "")
}

// overlayVolume mounts what -v SRC:DST:O asked for and gives the directory.
func (m *mounter) overlayVolume(ctx context.Context, mount specs.Mount) (string, error) {
	for _, option := range mount.Options {
		if upper, ok := strings.CutPrefix(option, "upperdir="); ok {
			o := shim.Overlay{Lower: mount.Source, Dir: filepath.Dir(upper)}
			return o.Target(), m.overlay(ctx, []string{o.Lower}, o.Dir, o.Target())
		}
	}
	return "", errs.Invalidf("an overlay without an upper directory")
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
