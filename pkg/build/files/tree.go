package files

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/stack"
)

// dir is an open directory of a source. Close it.
type dir interface {
	// names are sorted; look knows which of them stand for something.
	names() ([]string, error)
	// look finds one name; nil is for one that is not there.
	look(name string) (*item, error)
	enter(it *item) (dir, error)
	open(name string) (rawFile, error)
	close()
}

// list gives what is in a directory, sorted by name.
func list(d dir) ([]item, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	items := make([]item, 0, len(names))
	for _, name := range names {
		it, err := d.look(name)
		if err != nil {
			return nil, err
		}
		if it != nil {
			items = append(items, *it)
		}
	}
	return items, nil
}

// item is something in a directory.
type item struct {
	name string
	st   unix.Stat_t
	link string // where a symbolic link leads
	// match is what .dockerignore says about it and those above it.
	match verdict
}

func (it *item) kind() uint32 { return it.st.Mode & unix.S_IFMT }

func (it *item) isDir() bool { return it.kind() == unix.S_IFDIR }

// contextDir is a directory of a build context: all in it is root's, and what is ignored is not there.
type contextDir struct {
	fd     int
	path   string // in the context, "" for the root
	ignore *matcher
	match  verdict
	hidden []fileID // directories that are not there
}

func openContextDir(path string, ignore *matcher) (*contextDir, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &contextDir{fd: fd, ignore: ignore}, nil
}

func (d *contextDir) close() { _ = unix.Close(d.fd) } // it was only read

// self is the directory itself.
func (d *contextDir) self() (item, error) {
	it := item{match: d.match}
	if err := unix.Fstat(d.fd, &it.st); err != nil {
		return it, d.fail("stat", "", err)
	}
	it.st.Uid, it.st.Gid = 0, 0
	return it, nil
}

func (d *contextDir) fail(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: join(d.path, name), Err: err}
}

// join is a path in a source, without a slash at its beginning.
func join(dir, name string) string {
	if dir == "" || name == "" {
		return dir + name
	}
	return dir + "/" + name
}

func (d *contextDir) names() ([]string, error) {
	names, err := readNames(d.fd)
	if err != nil {
		return nil, d.fail("read directory", "", err)
	}
	return names, nil
}

// readNames lists a directory that may have been listed before.
func readNames(fd int) ([]string, error) {
	again, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func (d *contextDir) look(name string) (*item, error) {
	it := &item{name: name}
	path := join(d.path, name)
	ignored := false
	if d.ignore != nil {
		var err error
		if ignored, it.match, err = d.ignore.match(path, d.match); err != nil {
			return nil, err
		}
		if ignored && !d.ignore.mayHold(path) {
			return nil, nil
		}
	}
	err := unix.Fstatat(d.fd, name, &it.st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENAMETOOLONG) {
		return nil, nil
	}
	if err != nil {
		return nil, d.fail("stat", name, err)
	}
	if it.isDir() && slices.Contains(d.hidden, fileID{it.st.Dev, it.st.Ino}) {
		return nil, nil
	}
	it.st.Uid, it.st.Gid = 0, 0
	if it.kind() == unix.S_IFLNK {
		if it.link, err = readlinkat(d.fd, name); err != nil {
			return nil, d.fail("readlink", name, err)
		}
	}
	if ignored {
		// A directory that is ignored is there if something in it is not.
		if holds, err := d.holds(it, path); err != nil || !holds {
			return nil, err
		}
	}
	return it, nil
}

// holds says whether an ignored directory has something that is not ignored.
func (d *contextDir) holds(it *item, path string) (bool, error) {
	if !it.isDir() {
		return false, nil
	}
	if known, ok := d.ignore.held.Load(path); ok {
		return known == true, nil
	}
	sub, err := d.enter(it)
	if errors.Is(err, fs.ErrPermission) {
		return false, nil // nobody has asked for it
	}
	if err != nil {
		return false, err
	}
	defer sub.close()
	items, err := list(sub)
	if err != nil {
		return false, err
	}
	d.ignore.held.Store(path, len(items) > 0)
	return len(items) > 0, nil
}

func (d *contextDir) enter(it *item) (dir, error) {
	fd, err := unix.Openat(d.fd, it.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, d.fail("open", it.name, err)
	}
	return &contextDir{fd: fd, path: join(d.path, it.name), ignore: d.ignore, match: it.match, hidden: d.hidden}, nil
}

func (d *contextDir) open(name string) (rawFile, error) {
	// Should it be a fifo or a terminal by now, opening it must do nothing.
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return noFile, d.fail("open", name, err)
	}
	return rawFile(fd), nil
}

func readlinkat(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// layersDir is a directory as several layers have it.
type layersDir struct {
	layers stack.Dir
	path   string
}

func (d *layersDir) close() { d.layers.Close() }

// self is the directory itself.
func (d *layersDir) self() (item, error) {
	var it item
	if len(d.layers) == 0 { // FROM scratch
		it.st.Mode = unix.S_IFDIR | 0o755
		return it, nil
	}
	if err := unix.Fstat(d.layers[0], &it.st); err != nil {
		return it, &fs.PathError{Op: "stat", Path: d.path, Err: err}
	}
	return it, nil
}

func (d *layersDir) names() ([]string, error) { return d.layers.Names() }

func (d *layersDir) look(name string) (*item, error) {
	e, err := d.layers.LookUp(name)
	if e == nil || err != nil {
		return nil, err
	}
	defer e.Close()
	it := &item{name: name, st: e.Stat}
	if it.kind() == unix.S_IFLNK {
		if it.link, err = readlinkat(e.FD, ""); err != nil {
			return nil, &fs.PathError{Op: "readlink", Path: join(d.path, name), Err: err}
		}
	}
	return it, nil
}

func (d *layersDir) enter(it *item) (dir, error) {
	e, err := d.entry(it.name)
	if err != nil {
		return nil, err
	}
	if e.Below == nil {
		e.Close()
		return nil, &fs.PathError{Op: "open", Path: join(d.path, it.name), Err: unix.ENOTDIR}
	}
	return &layersDir{layers: e.Below, path: join(d.path, it.name)}, nil
}

// entry is what is there now under a name that was there before.
func (d *layersDir) entry(name string) (*stack.Entry, error) {
	e, err := d.layers.LookUp(name)
	if err == nil && e == nil {
		err = &fs.PathError{Op: "open", Path: join(d.path, name), Err: unix.ENOENT}
	}
	return e, err
}

func (d *layersDir) open(name string) (rawFile, error) {
	e, err := d.entry(name)
	if err != nil {
		return noFile, err
	}
	defer e.Close()
	// Through the descriptor, so that it is the file that was looked at.
	fd, err := unix.Open(linux.FDPath(e.FD), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return noFile, &fs.PathError{Op: "open", Path: join(d.path, name), Err: err}
	}
	return rawFile(fd), nil
}
