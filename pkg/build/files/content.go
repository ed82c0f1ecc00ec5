package files

import (
	"archive/tar"
	"context"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
)

// openDir is the directory of a source that was used last: most files share theirs.
type openDir struct {
	src  *Source
	path string
	f    *found
}

func (d *openDir) close() {
	if d.f != nil {
		d.f.close()
		d.f = nil
	}
}

func (w *writer) regular(dir int, name string, h *tar.Header, ino *inode) error {
	h.Typeflag, h.Size = tar.TypeReg, ino.size
	r, attributes, err := w.content(ino)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // it was only read
	h.PAXRecords = archive.Records(attributes)
	if err := w.put(h); err != nil {
		return err
	}
	if ino.made != nil && ino.made.temp != "" { // all of it is there but for the name
		if err := unix.Renameat(unix.AT_FDCWD, ino.made.temp, dir, name); err != nil {
			return err
		}
		if err := w.stream(noFile, r, ino); err != nil {
			return err
		}
		return finish(int(r), h, attributes)
	}
	fd, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	switch {
	case r != noFile:
		err = w.stream(rawFile(fd), r, ino)
	case ino.made != nil:
		err = w.piece(rawFile(fd), ino.made.data)
	}
	if err == nil {
		err = finish(fd, h, attributes)
	}
	return errors.Join(err, unix.Close(fd)) // some file systems report a full disk only here
}

// content opens what a file is made of; noFile is for what is in memory.
func (w *writer) content(ino *inode) (rawFile, map[string]string, error) {
	if ino.made != nil && ino.made.temp != "" {
		fd, err := unix.Open(ino.made.temp, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return rawFile(fd), ino.xattrs, err
	}
	if ino.from == nil {
		return noFile, ino.xattrs, nil
	}
	f, err := w.at.open(ino.from)
	if err != nil {
		return noFile, nil, err
	}
	attributes, err := archive.Attributes(int(f), true)
	if err == nil {
		err = ino.unchanged(f)
	}
	if err != nil {
		_ = f.Close() // it was only read
		return noFile, nil, err
	}
	return f, attributes, nil
}

// open opens a file where it was chosen.
func (d *openDir) open(from *origin) (rawFile, error) {
	if d.f == nil || d.src != from.src || d.path != from.dir {
		d.close()
		f, err := from.src.find(from.dir)
		if errors.Is(err, errNoFile) {
			return noFile, ErrChanged
		}
		if err != nil {
			return noFile, err
		}
		d.src, d.path, d.f = from.src, from.dir, f
	}
	f, err := d.f.dir().open(from.name)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) {
		return noFile, ErrChanged
	}
	return f, err
}

// unchanged says whether an open file is the one that was chosen, as it was then.
func (i *inode) unchanged(f rawFile) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f), &st); err != nil {
		return err
	}
	if (fileID{st.Dev, st.Ino}) != i.from.id || st.Size != i.size || st.Ctim.Nano() != i.from.ctime {
		return ErrChanged
	}
	return nil
}

// stream copies a file's content to the archive, and to its place if it is not there yet.
func (w *writer) stream(to, from rawFile, ino *inode) error {
	left := ino.size
	for left > 0 {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		n, err := from.Read(w.buf[:min(left, int64(len(w.buf)))])
		if errors.Is(err, io.EOF) {
			return ErrChanged // it has become shorter
		}
		if err != nil {
			return err
		}
		left -= int64(n)
		if err := w.piece(to, w.buf[:n]); err != nil {
			return err
		}
	}
	if ino.from == nil {
		return nil
	}
	return ino.unchanged(from)
}

func (w *writer) piece(to rawFile, data []byte) error {
	if to != noFile {
		if _, err := to.Write(data); err != nil {
			return err
		}
	}
	if _, err := w.tar.Write(data); err != nil {
		return err
	}
	w.current += int64(len(data))
	if w.o.Progress != nil {
		w.o.Progress(w.current, w.total)
	}
	return nil
}
