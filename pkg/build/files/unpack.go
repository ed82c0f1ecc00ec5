package files

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/compress"
)

// unpacker puts the entries of an archive into a target: contents go to files beside the layer, which are
// renamed into their places. Names and links lead where they lead if the destination is the root (BuildKit unpacks in a
// chroot there).
type unpacker struct {
	w    *writer
	t    *target
	base *node
	n    int
}

// unpack unpacks a file into a directory, if it is a tar archive, compressed or not; else it says false.
func (w *writer) unpack(t *target, ino *inode, dest string) (bool, error) {
	f, _, err := w.content(ino)
	if err != nil || f == noFile {
		return false, err
	}
	defer func() { _ = f.Close() }() // it was only read
	plain, err := compress.Reader(f)
	if errors.Is(err, errs.ErrInvalid) {
		return false, nil // it only begins like one
	}
	if err != nil {
		return false, err
	}
	defer plain.Close()
	tr := tar.NewReader(plain)
	h, err := tr.Next()
	if err != nil {
		return false, nil // whatever it is, it is no archive
	}
	made := t.made
	made.mode = unix.S_IFDIR | 0o755
	u := &unpacker{w: w, t: t}
	if u.base, err = t.root.walk(dest, &made); err != nil {
		return false, err
	}
	for err == nil {
		if w.ctx.Err() != nil {
			return false, context.Cause(w.ctx)
		}
		if err := u.entry(h, tr); err != nil {
			return false, fmt.Errorf("%q: %w", h.Name, err)
		}
		h, err = tr.Next()
	}
	if !errors.Is(err, io.EOF) {
		return false, errs.Invalidf("the archive is damaged or cut off: %w", err)
	}
	return true, ino.unchanged(f)
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name := path.Clean(h.Name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return errs.Invalidf("the name leads out of the archive")
	}
	if strings.ContainsRune(name, 0) {
		return errs.Invalidf("the name has a zero byte")
	}
	name = strings.TrimPrefix(name, "/")
	if name == "." || name == "" {
		return nil // the destination stays as it is
	}
	dir, base := path.Split(name)
	implied := inode{mode: unix.S_IFDIR | 0o755, mtime: u.t.made.mtime, ours: true}
	parent, err := u.base.walk(dir, &implied)
	if err != nil {
		return err
	}
	ino := u.inode(h)
	switch h.Typeflag {
	case tar.TypeDir:
		there, err := parent.look(base)
		if err != nil {
			return err
		}
		if there != nil && there.ino.isDir() {
			there.change(ino)
			return nil
		}
	case tar.TypeReg, tar.TypeGNUSparse:
		if err := u.spool(ino, r); err != nil {
			return err
		}
	case tar.TypeSymlink:
		ino.link = h.Linkname
	case tar.TypeLink:
		if ino, err = u.linked(h.Linkname); err != nil {
			return err
		}
	case tar.TypeFifo:
	case tar.TypeChar, tar.TypeBlock:
		u.w.warn(fmt.Errorf("%q of the archive is left out: a device, which an ordinary user cannot make", h.Name))
		return nil
	default:
		return errs.Unsupportedf("entries of type %q are unknown", h.Typeflag)
	}
	_, err = parent.put(base, ino)
	return err
}

// inode is what an entry says, with the owner of --chown.
func (u *unpacker) inode(h *tar.Header) *inode {
	kinds := map[byte]uint32{tar.TypeDir: unix.S_IFDIR, tar.TypeSymlink: unix.S_IFLNK, tar.TypeFifo: unix.S_IFIFO}
	kind, ok := kinds[h.Typeflag]
	if !ok {
		kind = unix.S_IFREG
	}
	ino := &inode{
		mode: kind | uint32(h.Mode)&0o7777, uid: uint32(h.Uid), gid: uint32(h.Gid), mtime: h.ModTime.Unix(),
		xattrs: archive.FromRecords(h.PAXRecords), ours: true,
	}
	if u.w.owner != nil {
		ino.uid, ino.gid = u.w.owner.UID, u.w.owner.GID
	}
	return ino
}

// spool writes an entry's content to a file beside the layer.
func (u *unpacker) spool(ino *inode, r io.Reader) error {
	u.n++
	ino.made = &made{temp: filepath.Join(u.w.tree.Temp(), "unpacked-"+strconv.Itoa(u.n))}
	f, err := os.OpenFile(ino.made.temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	// Hidden in a struct: io.CopyBuffer would take a ReaderFrom and allocate its own buffer.
	if ino.size, err = io.CopyBuffer(struct{ io.Writer }{f}, r, u.w.buf); err != nil {
		return err
	}
	return f.Close()
}

// linked is the file that a hard link is to.
func (u *unpacker) linked(to string) (*inode, error) {
	dir, base := path.Split(path.Clean("/" + to))
	parent, err := u.base.walk(dir, nil)
	if err != nil {
		return nil, err
	}
	var there *node
	if parent != nil {
		if there, err = parent.look(base); err != nil {
			return nil, err
		}
	}
	if there == nil || !there.changed || there.ino.isDir() {
		return nil, errs.Invalidf("hard link to %q, which the archive does not have before it", to)
	}
	return there.ino, nil
}
