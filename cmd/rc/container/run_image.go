package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/overlay"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// source is what the container is made from: the image, pulled as --pull says, or the root
// filesystem of --rootfs. The caller calls Release at the latest when it is done.
func source(ctx context.Context, a *cli.App, o *runflags.Options) (create.Image, error) {
	if o.Rootfs.Path != "" {
		info, err := os.Stat(o.Rootfs.Path)
		switch {
		case err != nil:
			return create.Image{}, fmt.Errorf("--rootfs %q: %w", o.Rootfs.Path, errors.Unwrap(err))
		case !info.IsDir():
			return create.Image{}, errs.Invalidf("--rootfs %q: not a directory", o.Rootfs.Path)
		}
		source := create.Image{Rootfs: o.Rootfs, Release: func() {}}
		if slices.ContainsFunc(o.Mounts, func(m specs.Mount) bool { return m.Type == spec.TypeImage }) {
			lock, err := index.Hold(ctx, a.Config, true) // nobody deletes them meanwhile
			if err != nil {
				return create.Image{}, err
			}
			source.Release = lock.Release
		}
		return source, nil
	}
	lock, err := index.Hold(ctx, a.Config, true)
	if err != nil {
		return create.Image{}, err
	}
	found, err := find(ctx, a, o, lock)
	if err != nil {
		return create.Image{}, err
	}
	return found, nil
}

// find resolves the image while lock keeps it from being deleted. A pull takes place
// without the lock, so that nobody has to wait for a download; the image is looked up anew
// after it.
func find(ctx context.Context, a *cli.App, o *runflags.Options, lock *index.Lock) (create.Image, error) {
	if (o.Pull == image.Missing || o.Pull == image.Never) && !image.HasTransport(o.Image) {
		found, err := image.Resolve(ctx, a.Config, o.Image, o.Platform)
		if err == nil {
			slog.Debug("image found", "asked", o.Image, "names", found.Names, "id", found.ID)
			return described(o, found, lock), nil
		}
		if !errors.Is(err, errs.ErrNotFound) {
			lock.Release()
			return create.Image{}, err
		}
	}
	lock.Release()
	slog.Debug("image wanted from a registry", "asked", o.Image, "policy", o.Pull)
	pulled, err := image.Pull(ctx, a.Config, image.PullOptions{
		Image: o.Image, Policy: o.Pull, Quiet: o.Quiet, Platform: o.Platform,
		Registry: o.Registry, Streams: image.Streams{Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr},
	})
	if err != nil {
		return create.Image{}, err
	}
	lock, err = index.Hold(ctx, a.Config, true)
	if err != nil {
		return create.Image{}, err
	}
	found, err := image.Resolve(ctx, a.Config, pulled.ID, spec.Platform{})
	if err != nil {
		lock.Release()
		return create.Image{}, fmt.Errorf("image %q was pulled, and deleted by somebody else meanwhile: %w", o.Image, err)
	}
	slog.Debug("image pulled", "asked", o.Image, "names", found.Names, "id", found.ID)
	return described(o, found, lock), nil
}

// removeImage deletes the image of a container that has ended, unless another one needs it. The
// container itself may be on its way out still.
func removeImage(ctx context.Context, a *cli.App, used create.Image) error {
	name := used.Name
	if _, err := index.ParseName(name); err != nil {
		name = used.ID
	}
	root := state.Root{Data: a.Config.DataRoot, Run: a.Config.RunRoot}
	for end := time.Now().Add(removalPatience); ; time.Sleep(10 * time.Millisecond) {
		_, err := image.Remove(ctx, a.Config, image.RemoveOptions{Images: []string{name}, Ignore: true})
		if !errors.Is(err, errs.ErrInUse) {
			return err
		}
		others, _ := root.List() // one that cannot be read is told by ps
		if slices.ContainsFunc(others, func(e state.Entry) bool { return e.ImageID == used.ID }) || time.Now().After(end) {
			slog.Debug("image stays", "image", name, "why", err)
			return nil
		}
	}
}

// removalPatience is how long the shim may take to remove a container that has ended.
const removalPatience = 10 * time.Second

// described is an image as container wants it, by the name that was typed where it has it.
func described(o *runflags.Options, found *index.Image, lock *index.Lock) create.Image {
	name := o.Image
	if len(found.Names) > 0 {
		name = found.Names[0]
	}
	if meant := image.NameOf(found.Entry, o.Image); meant != "" {
		name = meant
	}
	rootfs := spec.Rootfs{Lower: found.Lower}
	if found.FuseOnly {
		rootfs.MountProgram = overlay.Fuse
	}
	return create.Image{
		Image:       spec.Image{ID: found.ID, Name: name, Digest: found.Digest.String()},
		Config:      found.Config.ImageConfig,
		Healthcheck: found.Config.Healthcheck,
		Rootfs:      rootfs,
		Release:     lock.Release,
	}
}
