package files

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/files/memory"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/stack"
)

// Source is what is copied from: a build context, or the layers of a stage or an image. It may be used by several
// goroutines. Close it.
type Source struct {
	name   string // as messages call it
	dir    string // of a context
	layers stack.Dir
	ignore *Ignore
	match  *matcher
	memory *memory.Memory
	plain  bool // permissions are those that git keeps
	hidden []fileID
}

// OpenContext opens a build context. ignore and memory may be nil; both stay the caller's.
func OpenContext(dir string, ignore *Ignore, memory *memory.Memory) (*Source, error) {
	s := &Source{name: "the build context", dir: dir, ignore: ignore, memory: memory}
	if ignore != nil {
		var err error
		if s.match, err = newMatcher(ignore.patterns); err != nil {
			return nil, err
		}
	}
	d, err := openContextDir(dir, nil)
	if err != nil {
		return nil, fmt.Errorf("open the build context: %w", err)
	}
	d.close()
	return s, nil
}

// Hide makes directories not be there, if they are in the context: those that are not for builds, whatever is copied. It is to be
// called before anything is.
func (s *Source) Hide(dirs ...string) {
	root, err := filepath.EvalSymlinks(s.dir)
	if err != nil {
		return // who reads it will say so
	}
	for _, dir := range dirs {
		var st unix.Stat_t
		real, err := filepath.EvalSymlinks(dir)
		if err == nil && strings.HasPrefix(real, strings.TrimSuffix(root, "/")+"/") && unix.Stat(real, &st) == nil {
			s.hidden = append(s.hidden, fileID{st.Dev, st.Ino})
		}
	}
}

// OpenLayers opens what layers show together, the topmost first; name is what messages call it. memory may be nil.
func OpenLayers(name string, lower []string, memory *memory.Memory) (*Source, error) {
	layers, err := stack.Open(lower...)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	if len(layers) != len(lower) {
		layers.Close()
		return nil, errs.WithHint(fmt.Errorf("open %s: %w: layers of it are missing", name, errs.ErrState), "rc system check")
	}
	return &Source{name: name, layers: layers, memory: memory}, nil
}

// Close closes it.
func (s *Source) Close() { s.layers.Close() }

// root opens its root directory.
func (s *Source) root() (dir, item, error) {
	if s.dir != "" {
		d, err := openContextDir(s.dir, s.match)
		if err != nil {
			return nil, item{}, err
		}
		d.hidden = s.hidden
		it, err := d.self()
		return d, it, err
	}
	var own stack.Dir
	for _, fd := range s.layers {
		again, err := unix.Openat(fd, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			own.Close()
			return nil, item{}, fmt.Errorf("open %s: %w", s.name, err)
		}
		own = append(own, again)
	}
	d := &layersDir{layers: own}
	it, err := d.self()
	return d, it, err
}

// found is what a path stands for. Close it.
type found struct {
	dirs  []dir    // from the root to the directory that it is in, or itself if it is one
	items []item   // what dirs are
	names []string // of dirs but for the root
	it    item     // what it is
}

func (f *found) close() {
	for _, d := range f.dirs {
		d.close()
	}
}

// dir is the directory that it is, or is in.
func (f *found) dir() dir { return f.dirs[len(f.dirs)-1] }

// path is the directory's, without links.
func (f *found) path() string { return strings.Join(f.names, "/") }

// errNoFile says that a path stands for nothing.
var errNoFile = errors.New("not found")

// linkError is about a link that leads to nothing; errors.Is knows it as errNoFile.
type linkError struct{ name, target string }

func (l *linkError) Error() string {
	return fmt.Sprintf("%q is a link to %q: not found", l.name, l.target)
}

func (l *linkError) Unwrap() error { return errNoFile }

// maxLinks is how many symbolic links a path may have: path_resolution(7).
const maxLinks = 40

// find resolves a path in the source; links are followed, the last one too. errNoFile says that there is nothing.
func (s *Source) find(path string) (_ *found, err error) {
	root, top, err := s.root()
	if err != nil {
		return nil, err
	}
	f := &found{dirs: []dir{root}, items: []item{top}, it: top}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	links := 0
	var link *linkError // the last one
	for rest := components(path); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		if !f.it.isDir() {
			return nil, fmt.Errorf("%q: %w: %q is not a directory", path, errNoFile, join(f.path(), f.it.name))
		}
		if name == ".." {
			f.up()
			continue
		}
		it, err := f.dir().look(name)
		if err != nil {
			return nil, err
		}
		if it == nil && link != nil {
			return nil, link
		}
		if it == nil {
			return nil, fmt.Errorf("%q: %w", path, errNoFile)
		}
		if it.kind() == unix.S_IFLNK {
			if links++; links > maxLinks {
				return nil, fmt.Errorf("%q: %w", path, unix.ELOOP)
			}
			link = &linkError{join(f.path(), name), it.link}
			for strings.HasPrefix(it.link, "/") && len(f.names) > 0 {
				f.up()
			}
			rest = append(components(it.link), rest...)
			continue
		}
		if err := f.down(it); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// up goes to the directory above, or stays at the root.
func (f *found) up() {
	if n := len(f.names); n > 0 {
		f.dir().close()
		f.dirs, f.items, f.names = f.dirs[:n], f.items[:n], f.names[:n-1]
		f.it = f.items[n-1]
	}
}

// down goes to something in the directory.
func (f *found) down(it *item) error {
	f.it = *it
	if !it.isDir() {
		return nil
	}
	d, err := f.dir().enter(it)
	if err != nil {
		return err
	}
	f.dirs, f.items, f.names = append(f.dirs, d), append(f.items, *it), append(f.names, it.name)
	return nil
}

func components(path string) []string { return strings.Split(path, "/") }
