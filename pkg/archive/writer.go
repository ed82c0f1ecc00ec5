package archive

import (
	"archive/tar"
	"context"
	"io"

	"golang.org/x/sys/unix"
)

// Writer writes files one by one, for trees that are in no single directory.
type Writer struct{ p *packer }

// NewWriter begins a tar stream. Of o, Name is for Pack only.
func NewWriter(ctx context.Context, w io.Writer, o PackOptions) *Writer {
	return &Writer{newPacker(ctx, w, o)}
}

// File writes what the descriptor fd (O_PATH is enough) refers to, which st is of, and of a directory
// nothing that is in it.
func (w *Writer) File(fd int, name string, st *unix.Stat_t) error {
	if w.p.ctx.Err() != nil {
		return context.Cause(w.p.ctx)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return w.p.file(fd, name, st)
	}
	h := w.p.header(name, st)
	h.Typeflag, h.Name = tar.TypeDir, name+"/"
	f, err := w.p.open(fd, name, h)
	if err != nil {
		return w.p.unreadable(name, err)
	}
	f.Close()
	return w.p.write(h)
}

// Empty writes an empty file of root's that is nowhere: a mark for who unpacks.
func (w *Writer) Empty(name string) error {
	return w.p.write(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Format: tar.FormatPAX})
}

// Close ends the stream. It does not close what it is written to.
func (w *Writer) Close() error { return w.p.tar.Close() }
