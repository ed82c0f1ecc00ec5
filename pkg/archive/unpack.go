package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Dest is where a stream is to go, as a user wrote it.
type Dest struct {
	Root int    // a descriptor of the directory that is "/"
	Path string // in Root
}

// UnpackOptions say how a stream becomes files.
type UnpackOptions struct {
	// Owner gives what is made its owner; nil leaves it to the caller, and takes setuid and
	// setgid away: they would be the caller's own.
	Owner func(uid, gid int) (int, int)
	// Confined follows no link below the destination; else they lead where they lead in Root.
	Confined bool
	// Overwrite replaces directories by files, and files by directories.
	Overwrite bool
	// Foreign is for archives that Pack has not written: every name in them is meant, and
	// the destination has to be a directory.
	Foreign bool
	// Warn is told what is left out.
	Warn func(error)
}

// Unpack makes files of a tar stream. The first entry decides where to, see choose; an error
// about that has changed nothing. Directories that are there already stay as they are.
func Unpack(ctx context.Context, r io.Reader, d Dest, o UnpackOptions) error {
	u := &unpacker{o: o, parent: -1}
	defer u.close()
	tr := tar.NewReader(r)
	if o.Foreign {
		at, err := find(d.Root, d.Path)
		if err == nil && at.mode != unix.S_IFDIR {
			err = errs.Invalidf("%q is not a directory: an archive cannot be unpacked there", d.Path)
		}
		if err == nil {
			u.at, err = at.place(d, "", o.Confined)
		}
		if err != nil {
			return err
		}
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if u.parent < 0 && errors.Is(err, io.ErrUnexpectedEOF) {
				err = tar.ErrHeader // nothing of it made sense
			}
			return fmt.Errorf("read archive: %w", damaged(err))
		}
		if u.at == nil {
			if err := u.begin(d, h); err != nil {
				return err
			}
		}
		if err := u.entry(h, tr); err != nil {
			return fmt.Errorf("make %q: %w", h.Name, damaged(err))
		}
	}
	if u.at == nil {
		return nil
	}
	return u.finish()
}

// damaged says in plain words what is wrong with a stream.
func damaged(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errs.Invalidf("the archive is cut off")
	case errors.Is(err, tar.ErrHeader):
		return errs.Invalidf("it is not a tar archive, or a damaged one")
	}
	return err
}

type unpacker struct {
	o   UnpackOptions
	at  *place
	top string // the name of the first entry; what follows is below it
	buf []byte

	// The directory of the entry before this one: most entries share it.
	parent     int
	parentName string

	dirs []madeDir
}

// madeDir gets its mode and times at the end: one without write permission could not be
// filled, and filling changes times.
type madeDir struct {
	name string
	ino  inode
	h    *tar.Header
}

func (u *unpacker) begin(d Dest, h *tar.Header) (err error) {
	name, err := entryName(h)
	if err != nil {
		return fmt.Errorf("make %q: %w", h.Name, err)
	}
	u.top = name
	u.at, err = choose(d, name, h.Typeflag == tar.TypeDir, &u.o)
	return err
}

func (u *unpacker) close() {
	u.forget()
	if u.at != nil {
		u.at.close()
	}
}

func (u *unpacker) warn(err error) {
	if u.o.Warn != nil {
		u.o.Warn(err)
	}
}

// within is a name of the stream relative to the place.
func (u *unpacker) within(name string) string {
	if u.o.Foreign || u.top == "." {
		return name
	}
	if name == u.top {
		return "."
	}
	return strings.TrimPrefix(name, u.top+"/")
}

// locate opens the directory in which an entry is made. The descriptor stays the
// unpacker's.
func (u *unpacker) locate(name string) (dir int, base string, err error) {
	name = u.within(name)
	if name == "." {
		if base = path.Base(u.at.base); base == "." {
			return -1, base, nil
		}
		// The place itself: it is made in its parent.
		fd, err := u.at.openParent()
		if err != nil {
			return -1, "", err
		}
		u.keep(fd, "..")
		return fd, base, nil
	}
	parent := path.Dir(name)
	if u.parent >= 0 && u.parentName == parent {
		return u.parent, path.Base(name), nil
	}
	fd, err := u.at.open(parent)
	if errors.Is(err, unix.ENOENT) && u.o.Foreign {
		fd, err = u.at.makeAll(parent)
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		err = errs.Invalidf("a part of the name is not a directory")
	}
	if err != nil {
		return -1, "", err
	}
	u.keep(fd, parent)
	return fd, path.Base(name), nil
}

func (u *unpacker) keep(fd int, name string) {
	u.forget()
	u.parent, u.parentName = fd, name
}

func (u *unpacker) forget() {
	if u.parent >= 0 {
		_ = unix.Close(u.parent)
		u.parent = -1
	}
}

// entry makes one entry.
func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := entryName(h)
	if err != nil {
		return err
	}
	dir, base, err := u.locate(name)
	if err != nil {
		return err
	}
	if base == "." {
		if h.Typeflag != tar.TypeDir {
			return errs.Invalidf("the top of the archive is not a directory")
		}
		return nil // the destination stays as it is
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.directory(dir, base, name, h)
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.regular(dir, base, h, r)
	case tar.TypeSymlink:
		err = u.replacing(dir, base, func() error { return unix.Symlinkat(h.Linkname, dir, base) })
	case tar.TypeLink:
		return u.link(dir, base, h)
	case tar.TypeFifo:
		err = u.replacing(dir, base, func() error { return unix.Mknodat(dir, base, unix.S_IFIFO|0o600, 0) })
	case tar.TypeChar, tar.TypeBlock:
		u.warn(fmt.Errorf("%q: a device cannot be made by an ordinary user", h.Name))
		return nil
	default:
		return errs.Unsupportedf("entries of type %q are unknown", h.Typeflag)
	}
	if err != nil {
		return err
	}
	return u.attributes(dir, base, h)
}

// finish gives directories their modes and times, the deepest first.
func (u *unpacker) finish() error {
	for _, d := range slices.Backward(u.dirs) {
		fd, err := u.at.open(u.within(d.name))
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			continue // somebody has taken it away
		}
		if err != nil {
			return fmt.Errorf("finish %q: %w", d.name, err)
		}
		err = u.finishDir(fd, d)
		_ = unix.Close(fd)
		if err != nil {
			return fmt.Errorf("finish %q: %w", d.name, err)
		}
	}
	return nil
}

func (u *unpacker) finishDir(fd int, d madeDir) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if (inode{st.Dev, st.Ino}) != d.ino {
		return nil // another one has its name now
	}
	if err := unix.Chmod(linux.FDPath(fd), u.mode(d.h)); err != nil {
		return err
	}
	ts := times(d.h)
	return unix.UtimesNanoAt(unix.AT_FDCWD, linux.FDPath(fd), ts[:], 0)
}
