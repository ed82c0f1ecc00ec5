package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/state"
)

// Export writes the root filesystem of a container as a tar stream: what its layers and its own
// directory show together, and no volumes. It must run in the default map; the container may run.
// flush of the host side comes before it, see Settle.
func Export(ctx context.Context, cfg *config.Config, name string, out io.Writer, warn func(error)) error {
	root := records.Of(cfg)
	e, err := root.Find(name)
	if err != nil {
		return err
	}
	if err := export(ctx, cfg, e, out, warn); err != nil {
		return fmt.Errorf("export container %q: %w", e.Name, err)
	}
	records.Emit(cfg, "export", e)
	return nil
}

// Settle has a container that runs write to disk what it has written, for Export. It works in the
// namespaces of the host only.
func Settle(cfg *config.Config, name string) error {
	e, err := records.Of(cfg).Find(name)
	if err != nil {
		return err
	}
	return flush(e)
}

func export(ctx context.Context, cfg *config.Config, e *state.Entry, out io.Writer, warn func(error)) (err error) {
	root := records.Of(cfg)
	if !e.Alive() {
		dir, err := hold(ctx, root, e.ID)
		if err != nil {
			return err
		}
		defer func() { _ = dir.Close() }()
	}
	c, err := root.Load(e.ID)
	if err != nil {
		return err
	}
	skeleton, err := container.Skeleton(cfg.DataRoot)
	if err != nil {
		return err
	}
	layers := slices.Clone(c.Rootfs.Lower)
	if c.Rootfs.Path != "" {
		layers = []string{c.Rootfs.Path}
	}
	for _, dir := range layers {
		if err := unix.Access(dir, unix.F_OK); err != nil {
			return errs.WithHint(fmt.Errorf("its layer %q: %w", dir, err), "rc system check")
		}
	}
	if c.Rootfs.Path == "" || c.Rootfs.Overlay {
		layers = append([]string{filepath.Join(root.Dir(e.ID), "upper")}, layers...)
		// Mount points of the kernel's file systems, without which an image could not be used elsewhere.
		layers = append(layers, filepath.Join(skeleton, shim.SkeletonLower))
	}
	dirs, err := stack.Open(layers...)
	if err != nil {
		return err
	}
	defer dirs.Close()
	w := bufio.NewWriterSize(out, 256<<10)
	if err := stack.Pack(ctx, w, dirs, stack.Options{Warn: warn}); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := root.Find(e.ID); errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("%w: it has been removed meanwhile", errs.ErrState)
	}
	return nil
}
