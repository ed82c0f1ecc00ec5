package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

// source is where the files of a volume are, and what kind of a volume it is.
func source(cfg *config.Config, name string) (path string, how volume.Mount, err error) {
	root := records.Volumes(cfg)
	v, err := root.Load(name)
	if err == nil {
		how, err = driver.Parse(v.Options)
	}
	if err != nil {
		return "", how, err
	}
	if how.Kind == volume.Tmpfs {
		return "", how, errs.WithHint(errs.Unsupportedf("volume %q: it lives in memory, for as long as a container has it", name), "rc cp CONTAINER:PATH")
	}
	return driver.Source(root, name), how, nil
}

// ExportVolume writes what is in a volume as a tar stream. It is called in the default map.
func ExportVolume(ctx context.Context, cfg *config.Config, name string, out io.Writer, warn func(error)) error {
	path, _, err := source(cfg, name)
	if err == nil {
		err = records.Volumes(cfg).Finish(name)
	}
	if err != nil {
		return err
	}
	dir, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	return archive.Pack(ctx, out, int(dir.Fd()), archive.PackOptions{Name: ".", Warn: warn})
}

// ImportVolume puts the files of a tar stream, which may be compressed by gzip, into a volume.
// It is called in the default map. A stream that is damaged leaves a volume as it was, but for one
// that is a directory of the host.
func ImportVolume(ctx context.Context, cfg *config.Config, name string, in io.Reader, warn func(error)) error {
	path, how, err := source(cfg, name)
	if err != nil {
		return err
	}
	if in, err = decompress(in); err != nil {
		return err
	}
	unpack := func(path string) error {
		dir, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		defer dir.Close()
		return archive.Unpack(ctx, in, archive.Dest{Root: int(dir.Fd()), Path: "/"}, archive.UnpackOptions{
			Owner: func(uid, gid int) (int, int) { return uid, gid }, Confined: true, Overwrite: true, Foreign: true, Warn: warn,
		})
	}
	if how.Kind == volume.Bind {
		return unpack(path)
	}
	return records.Volumes(cfg).Import(name, unpack)
}

// MountVolume makes the files of a volume appear at its place in the caller's mount namespace,
// and gives the place. Most are there anyway.
func MountVolume(cfg *config.Config, name string) (string, error) {
	root := records.Volumes(cfg)
	v, err := root.Load(name)
	var how volume.Mount
	if err == nil {
		how, err = driver.Parse(v.Options)
	}
	if err != nil || how.Kind == volume.Plain {
		return root.Path(name), err
	}
	path := root.Path(name)
	mounted, err := isMountPoint(path)
	if err == nil && !mounted {
		err = how.Attach(path)
	}
	if err != nil {
		return "", fmt.Errorf("mount volume %q: %w", name, err)
	}
	root.Emit("mount", name, v.Labels)
	return path, nil
}

// UnmountVolume takes back what MountVolume did.
func UnmountVolume(cfg *config.Config, name string) error {
	root := records.Volumes(cfg)
	v, err := root.Load(name)
	if err != nil {
		return err
	}
	mounted, err := isMountPoint(root.Path(name))
	if err == nil && mounted {
		err = unix.Unmount(root.Path(name), 0)
	}
	if errors.Is(err, unix.EBUSY) {
		err = fmt.Errorf("%w: a process has its working directory or an open file there", errs.ErrInUse)
	}
	if err != nil {
		return fmt.Errorf("unmount volume %q: %w", name, err)
	}
	root.Emit("unmount", name, v.Labels)
	return nil
}

// isMountPoint says whether something is mounted on a directory (statx(2), since Linux 5.8).
func isMountPoint(path string) (bool, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &st); err != nil {
		return false, err
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}
