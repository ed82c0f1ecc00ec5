package worker

import (
	"context"
	"io"
	"os"

	"github.com/rc-containers/rc/pkg/build/files"
)

// export writes the target's files where they are wanted.
func (b *builder) export(ctx context.Context, target *stage) (err error) {
	o := b.o.Export
	title := "exporting to client directory"
	if o.Tar {
		title = "exporting to client tarball"
	}
	t := b.begin(title)
	defer func() { _ = t.end(err, [2]int{}) }()
	lower, warn := target.tree.lower(), func(err error) { t.Warn("%v", err) }
	if !o.Tar {
		return files.ExportDir(ctx, o.Path, lower, warn)
	}
	var w io.WriteCloser = os.Stdout
	if o.Path != "-" {
		if w, err = os.Create(o.Path); err != nil {
			return err
		}
	}
	err = files.ExportTar(ctx, w, lower, warn)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	return err
}
