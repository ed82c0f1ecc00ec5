package files

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/stack"
	"github.com/rc-containers/rc/pkg/store"
)

// ErrChanged says that a file of a source is not any more what it was when it was chosen.
var ErrChanged = errors.New("it changed while it was copied")

// writer makes the files of a target that belong to the new layer, and the layer's archive at the same time.
type writer struct {
	ctx    context.Context //nolint:containedctx // for the length of one call
	tree   *store.Tree
	tar    *tar.Writer
	o      Options
	owner  *Owner  // --chown
	change *change // --chmod

	buf     []byte
	at      openDir // of the source
	current int64
	total   int64
}

func newWriter(ctx context.Context, st *store.Store, lower []string, o Options) (*writer, error) {
	tree, err := st.NewTree(ctx, lower)
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, tree: tree, tar: tar.NewWriter(tree.Recorder()), o: o, buf: make([]byte, 256<<10)}, nil
}

func (w *writer) close() {
	w.at.close()
	w.tree.Discard()
}

// write gives nil where there is nothing to write.
func (w *writer) write(t *target) (*store.Staged, error) {
	if !t.root.settle() {
		return nil, nil
	}
	w.total = total(t.root)
	fd, err := unix.Open(w.tree.Upper(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: w.tree.Upper(), Err: err}
	}
	defer unix.Close(fd)
	if err := w.all(fd, "", t.root); err != nil {
		return nil, err
	}
	if err := w.tar.Close(); err != nil {
		return nil, err
	}
	return w.tree.Finish()
}

// total counts bytes of content; files with several names have them all counted.
func total(n *node) int64 {
	size := int64(0)
	for _, kid := range n.kids() {
		if kid.changed && kid.ino.kind() == unix.S_IFREG {
			kid.ino.written = nil // of another Apply
			size += kid.ino.size
		}
		size += total(kid)
	}
	return size
}

// all writes what is in a directory; prefix is its name with a slash.
func (w *writer) all(dir int, prefix string, n *node) error {
	for _, kid := range n.kids() {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if err := w.one(dir, prefix, kid); err != nil {
			if errors.Is(err, ErrChanged) {
				err = errs.WithHint(err, "something writes to what is copied: build again when it has ended")
			}
			return fmt.Errorf("write %q: %w", "/"+prefix+kid.name, full(err))
		}
	}
	return nil
}

// full adds what can be done about a full disk.
func full(err error) error {
	if (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) && errs.Hint(err) == "" {
		err = errs.WithCheck(err, "free some space (rc builder prune, rc system prune), or keep images elsewhere with --root DIR", "disk")
	}
	return err
}

func (w *writer) warn(err error) {
	if w.o.Warn != nil {
		w.o.Warn(err)
	}
}

func (w *writer) one(dir int, prefix string, n *node) error {
	ino, name := n.ino, prefix+n.name
	h, err := w.header(name, ino)
	if err != nil {
		return err
	}
	switch ino.kind() {
	case unix.S_IFDIR:
		return w.directory(dir, name, n, h)
	case unix.S_IFREG:
		if ino.written != nil {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, ino.written.path()[1:], 0
			if err := w.put(h); err != nil {
				return err
			}
			return w.link(dir, n.name, h.Linkname)
		}
		ino.written = n
		return w.regular(dir, n.name, h, ino)
	case unix.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, ino.link
		err = unix.Symlinkat(ino.link, dir, n.name)
	default: // a fifo; the selector lets nothing else through
		h.Typeflag = tar.TypeFifo
		err = unix.Mknodat(dir, n.name, unix.S_IFIFO|0o600, 0)
	}
	if err != nil {
		return err
	}
	if err := w.put(h); err != nil {
		return err
	}
	return named(dir, n.name, h)
}

// header says what an inode is once --chown and --chmod have been applied.
func (w *writer) header(name string, ino *inode) (*tar.Header, error) {
	uid, gid, mode := ino.uid, ino.gid, ino.mode
	if !ino.ours {
		if w.owner != nil {
			uid, gid = w.owner.UID, w.owner.GID
		}
		if ino.kind() != unix.S_IFLNK {
			mode = w.change.apply(mode)
		}
	}
	uid, gid, err := w.tree.Owner(uid, gid)
	if err != nil {
		return nil, err
	}
	at := time.Unix(max(ino.mtime, 0), 0)
	if w.o.Latest != nil && at.After(*w.o.Latest) {
		at = w.o.Latest.Truncate(time.Second)
	}
	return &tar.Header{
		Name: name, Mode: int64(mode & 0o7777), Uid: int(uid), Gid: int(gid), ModTime: at,
		Format: tar.FormatPAX, // long names, attributes
	}, nil
}

// put writes a header to the archive.
func (w *writer) put(h *tar.Header) error {
	if err := w.tar.WriteHeader(h); err != nil {
		return err
	}
	return w.tree.Entry(h)
}

func (w *writer) directory(parent int, name string, n *node, h *tar.Header) error {
	h.Typeflag, h.Name = tar.TypeDir, name+"/"
	attributes := n.ino.xattrs
	if !n.changed {
		var err error
		if attributes, err = n.lowerAttributes(); err != nil {
			return err
		}
	}
	h.PAXRecords = archive.Records(attributes)
	if err := w.put(h); err != nil {
		return err
	}
	if err := unix.Mkdirat(parent, n.name, 0o700); err != nil {
		return err
	}
	fd, err := unix.Openat(parent, n.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if n.opaque {
		if err := w.opaque(fd, name); err != nil {
			return err
		}
	}
	if err := w.all(fd, name+"/", n); err != nil {
		return err
	}
	return finish(fd, h, attributes)
}

// opaque marks a directory that hides those below it.
func (w *writer) opaque(fd int, name string) error {
	mark := &tar.Header{Name: name + "/" + stack.OpaqueFile, Typeflag: tar.TypeReg, Mode: 0o600, Format: tar.FormatPAX}
	if err := w.put(mark); err != nil {
		return err
	}
	return stack.SetOpaque(fd, w.tree.DotWh())
}

// lowerAttributes are those of the directory below.
func (n *node) lowerAttributes() (map[string]string, error) {
	below, err := n.open()
	if err != nil || len(below) == 0 {
		return nil, err
	}
	defer n.shut()
	fd, err := unix.Openat(below[0], ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return archive.Attributes(fd, true)
}

// finish gives an open file or directory its attributes.
func finish(fd int, h *tar.Header, attributes map[string]string) error {
	if h.Uid != 0 || h.Gid != 0 {
		if err := unix.Fchown(fd, h.Uid, h.Gid); err != nil {
			return fmt.Errorf("chown: %w", err)
		}
	}
	// After chown(2), which takes setuid and setgid away, as it does file capabilities.
	if err := unix.Fchmod(fd, uint32(h.Mode)); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	for name, value := range attributes {
		if err := unix.Fsetxattr(fd, name, []byte(value), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return fmt.Errorf("set attribute %q: %w", name, err)
		}
	}
	ts := times(h)
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, linux.FDPath(fd), ts[:], 0); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

func times(h *tar.Header) [2]unix.Timespec {
	t := unix.Timespec{Sec: h.ModTime.Unix()}
	return [2]unix.Timespec{t, t}
}

// named gives what cannot be opened its attributes.
func named(dir int, name string, h *tar.Header) error {
	if err := unix.Fchownat(dir, name, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("chown: %w", err)
	}
	if h.Typeflag == tar.TypeFifo {
		if err := unix.Fchmodat(dir, name, uint32(h.Mode), 0); err != nil {
			return fmt.Errorf("chmod: %w", err)
		}
	}
	ts := times(h)
	if err := unix.UtimesNanoAt(dir, name, ts[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// link makes a hard link to a file of the layer.
func (w *writer) link(dir int, name, target string) error {
	root, err := unix.Open(w.tree.Upper(), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	// Nobody else writes here, and the layer's own links are not followed: all of the name was made as directories.
	return unix.Linkat(root, target, dir, name, 0)
}
