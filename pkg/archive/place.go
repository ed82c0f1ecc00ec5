package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// place is where a stream goes: entry names are below base, which is resolved in root.
type place struct {
	root     int // a descriptor
	base     string
	confined bool // no link is followed below root
}

// open opens the directory of a name; "." is base itself.
func (p *place) open(name string) (int, error) {
	return p.resolve(p.base + "/" + name) // not cleaned: a link may come before ".." in base
}

// openParent opens the directory that base is in, or is to be in.
func (p *place) openParent() (int, error) {
	i := strings.LastIndexByte(p.base, '/')
	return p.resolve(p.base[:i+1] + ".")
}

func (p *place) resolve(full string) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY
	if !p.confined {
		return linux.OpenInRoot(p.root, full, flags)
	}
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(p.root, full, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// makeAll makes the directories of a name that an archive has left out.
func (p *place) makeAll(name string) (int, error) {
	at, err := p.open(".")
	done := "."
	for part := range strings.SplitSeq(name, "/") {
		if err != nil {
			return -1, err
		}
		done = path.Join(done, part)
		var next int
		next, err = p.open(done)
		if errors.Is(err, unix.ENOENT) {
			if err = unix.Mkdirat(at, part, 0o755); err == nil {
				next, err = p.open(done)
			}
		}
		_ = unix.Close(at)
		at = next
	}
	if err != nil {
		return -1, err
	}
	return at, nil
}

// close closes what choose opened.
func (p *place) close() {
	if p.confined {
		_ = unix.Close(p.root)
	}
}

// choose finds the place for a stream from its first entry, by the rules of podman-cp(1):
//
//	a file       DEST is a directory      DEST/NAME
//	             DEST is a file           in place of it
//	             DEST is not there        DEST, if its directory exists and it does not end in "/"
//	a directory  DEST is a directory      DEST/NAME, or for "SRC/." DEST itself
//	             DEST is a file           refused, but with Overwrite
//	             DEST is not there        DEST, if its directory exists
//
// Nothing is changed here.
func choose(d Dest, name string, isDir bool, o *UnpackOptions) (*place, error) {
	at, err := find(d.Root, d.Path)
	if err != nil {
		return nil, err
	}
	switch {
	case at.mode == unix.S_IFDIR && name == ".":
		return at.place(d, "", o.Confined)
	case at.mode == unix.S_IFDIR:
		return at.place(d, name, o.Confined)
	case at.mode == 0 && !isDir && strings.HasSuffix(d.Path, "/"):
		return nil, errs.WithHint(fmt.Errorf("directory %q: %w", d.Path, errs.ErrNotFound),
			"make the directory first, or name the file without a slash at its end")
	case at.mode == 0:
	case isDir && !o.Overwrite:
		return nil, errs.WithHint(errs.Invalidf("%q is a file: a directory cannot be copied onto it", d.Path), "use --overwrite to replace it")
	case !isDir && strings.HasSuffix(d.Path, "/"):
		return nil, errs.Invalidf("%q is not a directory", d.Path)
	case at.mode != unix.S_IFREG:
		return nil, errs.Invalidf("%q is neither a file nor a directory", d.Path)
	}
	return at.place(d, "", o.Confined)
}

// found is a destination with all links at its end followed.
type found struct {
	parent, base string // of what is there, or shall be; base is "." for a root directory
	mode         uint32 // its type, 0 where nothing is
}

// find resolves path in root, as far as it exists.
func find(root int, p string) (found, error) {
	const most = 40 // links, path_resolution(7)
	for range most {
		clean := strings.TrimRight(p, "/")
		f := found{parent: path.Dir(clean), base: path.Base(clean)}
		if i := strings.LastIndexByte(clean, '/'); i >= 0 {
			f.parent = clean[:i+1] // not cleaned: "a/.." is a link's matter
		}
		if clean == "" || f.base == "." || f.base == ".." {
			// A directory by its form.
			f = found{parent: p, base: ".", mode: unix.S_IFDIR}
			if clean == "" {
				f.parent = "/"
			}
			fd, err := linux.OpenInRoot(root, f.parent, unix.O_PATH|unix.O_DIRECTORY)
			if err != nil {
				return f, fmt.Errorf("%q: %w", p, notFound(err))
			}
			return f, unix.Close(fd)
		}
		dir, err := linux.OpenInRoot(root, f.parent, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return f, fmt.Errorf("directory %q: %w", f.parent, notFound(err))
		}
		target, err := f.look(dir)
		_ = unix.Close(dir)
		if err != nil {
			return f, fmt.Errorf("%q: %w", p, err)
		}
		if target == "" {
			return f, nil
		}
		if strings.HasPrefix(target, "/") {
			p = target
		} else {
			p = f.parent + "/" + target
		}
	}
	return found{}, fmt.Errorf("%q: %w", p, unix.ELOOP)
}

// look finds out what is there; for a link, where it leads.
func (f *found) look(dir int) (target string, err error) {
	var st unix.Stat_t
	err = unix.Fstatat(dir, f.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	f.mode = st.Mode & unix.S_IFMT
	if f.mode != unix.S_IFLNK {
		return "", nil
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, f.base, buf)
	if errors.Is(err, unix.EINVAL) {
		return f.look(dir) // it is no link any more
	}
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// place is the destination, or name in it.
func (f found) place(d Dest, name string, confined bool) (*place, error) {
	base := f.base
	parent := f.parent
	if name != "" && name != "." {
		parent, base = strings.TrimRight(f.parent, "/")+"/"+f.base, name
	}
	if !confined {
		return &place{root: d.Root, base: parent + "/" + base}, nil
	}
	fd, err := linux.OpenInRoot(d.Root, parent, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("directory %q: %w", parent, notFound(err))
	}
	return &place{root: fd, base: base, confined: true}, nil
}

// notFound says not found in the words of errs.
func notFound(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return errs.ErrNotFound
	}
	return err
}

// entryName is an entry's name relative to its stream's top; "." is the top.
func entryName(h *tar.Header) (string, error) {
	name := path.Clean(strings.TrimLeft(h.Name, "/"))
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", errs.Invalidf("the name leads out of the archive")
	}
	if strings.ContainsRune(name, 0) {
		return "", errs.Invalidf("the name has a zero byte")
	}
	return name, nil
}
