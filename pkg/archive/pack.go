package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// PackOptions say what Pack writes.
type PackOptions struct {
	// Name is what the file or directory is called in the stream. "." is for a directory of
	// which only the contents matter.
	Name string
	// Owner translates owners; nil leaves them as they are.
	Owner func(uid, gid uint32) (int, int)
	// Denied makes a warning of what may not be read below the top; else it is an error.
	Denied bool
	// Layer writes as image layers have it: times in whole seconds, and capabilities without the
	// user namespace that they were given in.
	Layer bool
	// Warn is told what is left out.
	Warn func(error)
	// Entry is told of each header that has been written: content of its size follows.
	Entry func(*tar.Header) error
}

// Pack writes what the descriptor top (O_PATH is enough) refers to as a tar stream. What
// vanishes while it is at work is left out.
func Pack(ctx context.Context, w io.Writer, top int, o PackOptions) error {
	var st unix.Stat_t
	if err := unix.Fstat(top, &st); err != nil {
		return fmt.Errorf("stat %q: %w", o.Name, err)
	}
	p := newPacker(ctx, w, o)
	p.device = st.Dev
	if err := p.pack(top, o.Name); err != nil {
		return err
	}
	return p.tar.Close()
}

func newPacker(ctx context.Context, w io.Writer, o PackOptions) *packer {
	return &packer{ctx: ctx, o: o, tar: tar.NewWriter(w), links: map[inode]string{}}
}

// inode is a file whatever it is called.
type inode struct{ dev, ino uint64 }

type packer struct {
	ctx    context.Context //nolint:containedctx // for the length of one call
	o      PackOptions
	tar    *tar.Writer
	links  map[inode]string // the first name of each file that has several
	device uint64           // of the top
	buf    []byte
}

// pack writes one entry, and those below it. fd stays the caller's.
func (p *packer) pack(fd int, name string) error {
	if p.ctx.Err() != nil {
		return context.Cause(p.ctx)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat %q: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return p.file(fd, name, &st)
	}
	h := p.header(name, &st)
	h.Typeflag, h.Name = tar.TypeDir, name+"/"
	if st.Dev != p.device && kernels(fd) {
		return p.write(h)
	}
	return p.directory(fd, name, h)
}

// file writes one entry that is no directory.
func (p *packer) file(fd int, name string, st *unix.Stat_t) error {
	h := p.header(name, st)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if st.Nlink > 1 {
			at := inode{st.Dev, st.Ino}
			if first, ok := p.links[at]; ok {
				h.Typeflag, h.Linkname = tar.TypeLink, first
				return p.write(h)
			}
			p.links[at] = name
		}
		return p.regular(fd, name, h, st.Size)
	case unix.S_IFLNK:
		target := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(fd, "", target)
		if err != nil {
			return fmt.Errorf("readlink %q: %w", name, err)
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(target[:n])
		return p.write(h)
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
		return p.write(h)
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if st.Mode&unix.S_IFMT == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
		return p.write(h)
	}
	p.warn(fmt.Errorf("%q: a socket cannot be copied", name))
	return nil
}

// kernels says whether a directory shows what the kernel does, which is nobody's to copy
// along with the files of a container; who names it gets it all the same.
func kernels(fd int) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return false
	}
	switch st.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC,
		unix.SECURITYFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.BPF_FS_MAGIC, mqueueMagic:
		return true
	}
	return false
}

// mqueueMagic is MQUEUE_MAGIC of the kernel's ipc/mqueue.c.
const mqueueMagic = 0x19800202

func (p *packer) warn(err error) {
	if p.o.Warn != nil {
		p.o.Warn(err)
	}
}

func (p *packer) header(name string, st *unix.Stat_t) *tar.Header {
	h := &tar.Header{
		Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid), Typeflag: tar.TypeReg,
		ModTime: time.Unix(st.Mtim.Unix()), AccessTime: time.Unix(st.Atim.Unix()),
		Format: tar.FormatPAX, // fractions of seconds, long names, attributes
	}
	if p.o.Owner != nil {
		h.Uid, h.Gid = p.o.Owner(st.Uid, st.Gid)
	}
	if p.o.Layer {
		h.ModTime, h.AccessTime = h.ModTime.Truncate(time.Second), time.Time{}
	}
	return h
}

func (p *packer) write(h *tar.Header) error {
	err := p.tar.WriteHeader(h)
	if err == nil && p.o.Entry != nil {
		err = p.o.Entry(h)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", h.Name, err)
	}
	return nil
}

// unreadable decides what becomes of something below the top that cannot be opened.
func (p *packer) unreadable(name string, err error) error {
	err = fmt.Errorf("read %q: %w", name, err)
	if p.o.Denied && name != p.o.Name && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)) {
		p.warn(err)
		return nil
	}
	return err
}

func (p *packer) directory(fd int, name string, h *tar.Header) error {
	f, err := p.open(fd, name, h)
	if err != nil {
		return p.unreadable(name, err)
	}
	defer f.Close()
	dir := int(f.Fd())
	if err := p.write(h); err != nil {
		return err
	}
	names, err := f.Readdirnames(-1)
	if err != nil {
		return p.unreadable(name, err)
	}
	slices.Sort(names)
	for _, base := range names {
		if err := p.child(dir, name+"/"+base, base); err != nil {
			return err
		}
	}
	return nil
}

// open opens a directory to be listed, and takes its attributes along.
func (p *packer) open(fd int, name string, h *tar.Header) (*os.File, error) {
	dir, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(dir), name)
	if err := p.attributes(h, dir); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (p *packer) child(dir int, name, base string) error {
	fd, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil // it has just been removed
	}
	if err != nil {
		return p.unreadable(name, err)
	}
	defer unix.Close(fd)
	return p.pack(fd, name)
}

// small is how much of a file is read before its header is written: files of /proc and
// /sys do not know their size, and most files are read in one piece.
const small = 1 << 20

func (p *packer) regular(fd int, name string, h *tar.Header, size int64) error {
	// Through the descriptor, so that it is the file that was looked at, and no fifo.
	file, err := unix.Open(linux.FDPath(fd), unix.O_RDONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return p.unreadable(name, err)
	}
	f := os.NewFile(uintptr(file), name)
	defer f.Close()
	if err := p.attributes(h, file); err != nil {
		return err
	}
	if p.buf == nil {
		p.buf = make([]byte, small)
	}
	n, err := io.ReadFull(f, p.buf)
	head := p.buf[:n]
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		h.Size = int64(n) // that was all, whatever stat said
		if err := p.write(h); err != nil {
			return err
		}
		_, err := p.tar.Write(head)
		return err
	case err != nil:
		return p.unreadable(name, errors.Unwrap(err))
	}
	h.Size = max(size, int64(n))
	if err := p.write(h); err != nil {
		return err
	}
	if _, err := p.tar.Write(head); err != nil {
		return err
	}
	return p.stream(f, name, h.Size-int64(n))
}

// stream writes what is left of a file. One that grows meanwhile is copied as long as it
// was; one that shrinks is filled up with zeros, since its size is written already.
func (p *packer) stream(f *os.File, name string, left int64) error {
	for left > 0 {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		n, err := f.Read(p.buf[:min(left, small)])
		if n > 0 {
			if _, err := p.tar.Write(p.buf[:n]); err != nil {
				return err
			}
			left -= int64(n)
		}
		if errors.Is(err, io.EOF) {
			p.warn(fmt.Errorf("%q: it became shorter while it was copied", name))
			return p.zeros(left)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *packer) zeros(left int64) error {
	clear(p.buf)
	for left > 0 {
		n, err := p.tar.Write(p.buf[:min(left, small)])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// attributes takes the extended attributes of an open file along.
func (p *packer) attributes(h *tar.Header, fd int) error {
	all, err := Attributes(fd, p.o.Layer)
	if err != nil {
		return fmt.Errorf("attributes of %q: %w", h.Name, err)
	}
	h.PAXRecords = Records(all)
	return nil
}
