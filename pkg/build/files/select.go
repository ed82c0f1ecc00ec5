package files

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
	"github.com/rc-containers/rc/pkg/errs"
)

// pick is one file or directory that was chosen, and for a directory what was chosen in it.
type pick struct {
	name string
	ino  *inode
	// pending directories were not chosen themselves, but something in them was.
	pending bool
	kids    []*pick
}

// match is what one source of an instruction has turned out to be.
type match struct {
	base string // the last part of its path as written, by which a file is called in a directory
	top  *pick
	// unpack says that an archive is unpacked.
	unpack bool
	// What comes from elsewhere is known by id; where top is nil, fetch gets it.
	id    string
	fetch func(context.Context) (*pick, error)
}

// selector chooses files of one source.
type selector struct {
	ctx              context.Context //nolint:containedctx // for the length of one call
	src              *Source
	include, exclude *matcher
	literal          []string // the directories that every included path begins with
	links            map[fileID]*inode
	n                int
}

// fileID is a file whatever it is called.
type fileID struct{ dev, ino uint64 }

// top chooses a path that find has resolved, and everything in it.
func (s *selector) top(f *found) (*pick, error) {
	if !f.it.isDir() {
		return s.file(f.path(), &f.it)
	}
	p := &pick{name: f.it.name, ino: s.inode(&f.it)}
	if err := s.attributes(p.ino, f.dir()); err != nil {
		return nil, err
	}
	var err error
	p.kids, err = s.all(f.dir(), f.path(), "", verdict{}, verdict{})
	return p, err
}

// all chooses what is in a directory. at is its path in the source, name below the top.
func (s *selector) all(d dir, at, name string, included, excluded verdict) ([]*pick, error) {
	if s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	items, err := list(d)
	if err != nil {
		return nil, err
	}
	var kids []*pick
	for i := range items {
		p, err := s.one(d, at, name, &items[i], included, excluded)
		if err != nil {
			return nil, err
		}
		if p != nil {
			kids = append(kids, p)
		}
	}
	return kids, nil
}

// one chooses one item, or nil.
func (s *selector) one(d dir, at, parent string, it *item, included, excluded verdict) (*pick, error) {
	name := join(parent, it.name)
	chosen := true
	var err error
	if s.include != nil {
		if chosen, included, err = s.include.match(name, included); err != nil {
			return nil, err
		}
		if !chosen && !s.mayInclude(name) {
			return nil, nil
		}
	}
	if s.exclude != nil {
		var out bool
		if out, excluded, err = s.exclude.match(name, excluded); err != nil {
			return nil, err
		}
		if out {
			if chosen = false; !s.exclude.mayHold(name) {
				return nil, nil
			}
		}
	}
	if !it.isDir() {
		if !chosen {
			return nil, nil
		}
		return s.file(at, it)
	}
	sub, err := d.enter(it)
	if err != nil {
		return nil, err
	}
	defer sub.close()
	p := &pick{name: it.name, ino: s.inode(it), pending: !chosen}
	if err := s.attributes(p.ino, sub); err != nil {
		return nil, err
	}
	if p.kids, err = s.all(sub, join(at, it.name), name, included, excluded); err != nil {
		return nil, err
	}
	if p.pending && len(p.kids) == 0 {
		return nil, nil
	}
	return p, nil
}

// mayInclude says whether something in a directory could be included, by what all patterns begin with.
func (s *selector) mayInclude(name string) bool {
	for i, part := range strings.Split(name, "/") {
		if i == len(s.literal) {
			return true
		}
		if part != s.literal[i] {
			return false
		}
	}
	return true
}

// inode is what an item is. Git keeps of permissions only whether a file can be executed: the rest would be the umask's.
func (s *selector) inode(it *item) *inode {
	i := newInode(it)
	if s.src.plain {
		mode := uint32(0o644)
		if it.st.Mode&0o100 != 0 {
			mode = 0o755
		}
		i.mode = i.kind() | mode
	}
	return i
}

// file chooses what is no directory.
func (s *selector) file(at string, it *item) (*pick, error) {
	p := &pick{name: it.name}
	s.n++
	switch it.kind() {
	case unix.S_IFREG:
		id := fileID{it.st.Dev, it.st.Ino}
		if p.ino = s.links[id]; p.ino == nil {
			p.ino = s.inode(it)
			p.ino.from = &origin{src: s.src, dir: at, name: it.name, id: id, mtime: it.st.Mtim.Nano(), ctime: it.st.Ctim.Nano()}
			if it.st.Nlink > 1 {
				s.links[id] = p.ino
			}
		}
	case unix.S_IFLNK:
		p.ino = newInode(it)
		p.ino.link = it.link
	case unix.S_IFIFO:
		p.ino = newInode(it)
	case unix.S_IFSOCK:
		// An empty file, as BuildKit has it.
		p.ino = newInode(it)
		p.ino.mode = unix.S_IFREG | it.st.Mode&0o7777
		p.ino.size = 0
	default:
		return nil, errs.WithHint(errs.Unsupportedf("copy %q: it is a device, which an ordinary user cannot make", join(at, it.name)),
			"leave it out: name it in .dockerignore, or use --exclude")
	}
	return p, nil
}

// attributes reads those of a directory.
func (s *selector) attributes(ino *inode, d dir) error {
	c, ok := d.(*contextDir)
	var err error
	if ok {
		ino.xattrs, err = archive.Attributes(c.fd, true)
		return err
	}
	l, ok := d.(*layersDir)
	if !ok || len(l.layers) == 0 {
		return nil
	}
	fd, err := unix.Openat(l.layers[0], ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("read attributes: %w", err)
	}
	defer unix.Close(fd)
	ino.xattrs, err = archive.Attributes(fd, true)
	return err
}

// glob gives the paths that a pattern stands for: those that Go's filepath.Match says, of which nothing below a
// directory that matches. A path without wildcards stands for itself. (fsutil's ResolveWildcards.)
func (s *Source) glob(ctx context.Context, pattern string) ([]string, error) {
	fixed, wild := splitPattern(pattern)
	if wild == "" {
		return []string{fixed}, nil
	}
	f, err := s.find(fixed)
	if errors.Is(err, errNoFile) {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	defer f.close()
	if !f.it.isDir() {
		return nil, nil
	}
	parts := strings.Split(wild, "/")
	if strings.Contains(wild, "[") {
		parts = nil // a class may match a slash
	}
	var all []string
	var walk func(d dir, at string, depth int) error
	walk = func(d dir, at string, depth int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		items, err := list(d)
		if err != nil {
			return err
		}
		for i := range items {
			it := &items[i]
			name := join(at, it.name)
			if ok, err := path.Match(wild, name); err == nil && ok {
				all = append(all, join(f.path(), name))
				continue
			}
			if !it.isDir() {
				continue
			}
			if parts != nil {
				if depth+1 >= len(parts) {
					continue
				}
				if ok, err := path.Match(parts[depth], it.name); err == nil && !ok {
					continue
				}
			}
			sub, err := d.enter(it)
			if err != nil {
				return err
			}
			err = walk(sub, name, depth+1)
			sub.close()
			if err != nil {
				return err
			}
		}
		return nil
	}
	err = walk(f.dir(), "", 0)
	return all, err
}

// splitPattern cuts a path before its first component with a wildcard.
func splitPattern(pattern string) (fixed, wild string) {
	parts := strings.Split(strings.TrimPrefix(path.Clean("/"+pattern), "/"), "/")
	for i, part := range parts {
		if hasWildcards(part) {
			return strings.Join(parts[:i], "/"), strings.Join(parts[i:], "/")
		}
	}
	return strings.Join(parts, "/"), ""
}

func hasWildcards(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '*', '?', '[':
			return true
		case '\\':
			i++
		}
	}
	return false
}
