package files

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/stack"
)

// ExportTar writes what layers show together, the topmost first, as a tar archive.
func ExportTar(ctx context.Context, w io.Writer, lower []string, warn func(error)) error {
	layers, err := stack.Open(lower...)
	if err != nil {
		return err
	}
	defer layers.Close()
	return stack.Pack(ctx, w, layers, stack.Options{Warn: warn})
}

// ExportDir writes it into a directory, which is made: everything is the caller's, files that are there are
// replaced, others stay.
func ExportDir(ctx context.Context, dir string, lower []string, warn func(error)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer unix.Close(root)
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		// Both sides wait for each other at each write: there had better be few.
		out := bufio.NewWriterSize(w, 256<<10)
		err := ExportTar(ctx, out, lower, warn)
		if err == nil {
			err = out.Flush()
		}
		w.CloseWithError(err)
		packed <- err
	}()
	err = archive.Unpack(ctx, r, archive.Dest{Root: root, Path: dir}, archive.UnpackOptions{Foreign: true, Confined: true, Overwrite: true, Warn: warn})
	r.CloseWithError(errAbandoned)
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, errAbandoned) {
		err = packErr
	}
	if err != nil {
		return fmt.Errorf("export to %q: %w", dir, err)
	}
	return nil
}

// errAbandoned is what the side that packs gets where the other one has failed.
var errAbandoned = errors.New("abandoned")
