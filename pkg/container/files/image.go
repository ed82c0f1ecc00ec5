package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/state"
)

// Images are mounted read-only, in each mount namespace for itself: the record of a mount is in a directory
// of the runtime directory that is named for the image and the namespace. It keeps the image from being removed.

// imageMount is the directory of an image's mount in the caller's namespace.
func imageMount(cfg *config.Config, id string) (dir state.MountDir, namespace string, err error) {
	if namespace, err = state.OwnMounts(); err != nil {
		return "", "", err
	}
	number := strings.Trim(strings.TrimPrefix(namespace, "mnt:"), "[]")
	return state.MountDir(filepath.Join(image.MountsDir(cfg), id+"."+number)), namespace, nil
}

// MountImage mounts an image in the caller's mount namespace and gives the directory.
func MountImage(ctx context.Context, cfg *config.Config, img *index.Image) (string, error) {
	path, err := mountImage(ctx, cfg, img)
	if err != nil {
		return "", fmt.Errorf("mount image %.12s: %w", img.ID, err)
	}
	return path, nil
}

func mountImage(ctx context.Context, cfg *config.Config, img *index.Image) (string, error) {
	dir, namespace, err := imageMount(cfg, img.ID)
	if err != nil {
		return "", err
	}
	// Nobody removes the image until the record is there.
	hold, err := index.Hold(ctx, cfg, true)
	if err != nil {
		return "", err
	}
	defer hold.Release()
	if err := os.MkdirAll(dir.Path(), 0o700); err != nil {
		return "", err
	}
	if m, err := dir.Mounted(); m != nil || err != nil {
		return dir.Path(), err
	}
	if err := os.MkdirAll(dir.Path(), 0o700); err != nil { // Mounted cleans up
		return "", err
	}
	program := cfg.MountProgram
	if img.FuseOnly {
		program = overlay.Fuse
	}
	if err := dir.Write(&state.Mount{Path: dir.Path(), Namespace: namespace, Daemon: daemon(program)}); err != nil {
		return "", err
	}
	if err := mountLayers(ctx, img.Lower, dir.Path(), program); err != nil {
		return "", errors.Join(err, removeImageMount(dir))
	}
	return dir.Path(), nil
}

func mountLayers(ctx context.Context, lower []string, target, program string) error {
	switch len(lower) {
	case 0:
		return nil // an empty directory is what the image is
	case 1:
		return bindReadOnly(lower[0], target)
	}
	_, err := overlay.Mount(ctx, overlay.Root{Lower: lower, Target: target, Program: program})
	return err
}

func bindReadOnly(source, target string) error {
	fd, err := unix.Open(target, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %q: %w", target, err)
	}
	defer unix.Close(fd)
	tree, err := linux.CloneTree(unix.AT_FDCWD, source, false)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := linux.SetMountAttr(tree, true, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return err
	}
	return linux.AttachTree(tree, fd, "")
}

func removeImageMount(dir state.MountDir) error {
	return errors.Join(dir.Remove(), os.Remove(string(dir)))
}

// UnmountImage takes away what MountImage made in this namespace. Force does so while it is in use.
func UnmountImage(cfg *config.Config, id string, force bool) error {
	dir, _, err := imageMount(cfg, id)
	if err != nil {
		return err
	}
	m, err := dir.Mounted()
	if err == nil && m == nil {
		err = ErrNotMounted
	}
	if err != nil {
		return fmt.Errorf("unmount image %.12s: %w", id, err)
	}
	flags := 0
	if force {
		flags = unix.MNT_DETACH
	}
	err = unix.Unmount(m.Path, flags)
	switch {
	case errors.Is(err, unix.EBUSY):
		return errs.WithHint(fmt.Errorf("unmount image %.12s: %q: %w: a process has its working directory or an open file there", id, m.Path, errs.ErrInUse),
			fmt.Sprintf("rc image unmount --force %.12s", id))
	case err != nil && !errors.Is(err, unix.EINVAL): // an image without layers has no mount
		return fmt.Errorf("unmount image %.12s: %q: %w", id, m.Path, err)
	}
	return removeImageMount(dir)
}

// ImageMounts are the ids of images that are mounted in this namespace, and where.
func ImageMounts(cfg *config.Config) (ids, paths []string, err error) {
	dirs, err := os.ReadDir(image.MountsDir(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dirs {
		id, _, _ := strings.Cut(d.Name(), ".")
		own, _, err := imageMount(cfg, id)
		if err != nil {
			return nil, nil, err
		}
		if string(own) != filepath.Join(image.MountsDir(cfg), d.Name()) {
			continue
		}
		if m, err := own.Mounted(); err == nil && m != nil {
			ids, paths = append(ids, id), append(paths, m.Path)
		}
	}
	return ids, paths, nil
}

// SweepImageMounts takes away the records of mounts whose namespace has ended.
func SweepImageMounts(cfg *config.Config) {
	dirs, err := filepath.Glob(filepath.Join(image.MountsDir(cfg), "*.*"))
	if err != nil {
		return
	}
	for _, path := range dirs {
		if m, err := state.MountDir(path).Mounted(); m == nil && err == nil {
			_ = os.Remove(path) // who mounts right now has made something in it
		}
	}
}
