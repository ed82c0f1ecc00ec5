package quadlet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet/unitfile"
)

// maxFile is the size of a unit file, in bytes; systemd takes no longer line.
const maxFile = 1 << 20

// Source is a quadlet file and its drop-ins.
type Source struct {
	Name string // foo.container
	Path string

	kind     *kind
	file     *unitfile.File
	problems []error
}

// Set is the quadlets that know of each other.
type Set struct {
	sources []*Source
	byName  map[string]*Source
}

// Load reads the quadlets in dirs, as Dirs gives them, of which the first of a name counts. Those
// of files, which are paths, come before them. What is wrong with one is kept with it; the errors
// are those of directories.
func Load(dirs, files []string) (*Set, []error) {
	s := &Set{byName: map[string]*Source{}}
	masked := map[string]bool{}
	var problems []error
	take := func(path string) {
		name := filepath.Base(path)
		k := kindOf(name)
		if k == nil || s.byName[name] != nil || masked[name] {
			return
		}
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			return
		} else if err == nil && st.Mode()&fs.ModeCharDevice != 0 {
			masked[name] = true // /dev/null, as systemd has it
			return
		}
		src := &Source{Name: name, Path: path, kind: k, file: &unitfile.File{}}
		src.read(path)
		s.sources = append(s.sources, src)
		s.byName[name] = src
	}
	for _, path := range files {
		take(path)
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for _, entry := range entries {
			take(filepath.Join(dir, entry.Name()))
		}
	}
	found := listDropIns(slices.Concat(parents(files), dirs))
	for _, src := range s.sources {
		for _, path := range found.of(src.Name) {
			src.read(path)
		}
	}
	return s, problems
}

// parents are the directories of files.
func parents(files []string) []string {
	var list []string
	for _, path := range files {
		if dir := filepath.Dir(path); !slices.Contains(list, dir) {
			list = append(list, dir)
		}
	}
	return list
}

// Names are the names of the quadlets, in the order in which they were found.
func (s *Set) Names() []string {
	names := make([]string, 0, len(s.sources))
	for _, src := range s.sources {
		names = append(names, src.Name)
	}
	return names
}

// Source is the quadlet of that name, or nil.
func (s *Set) Source(name string) *Source { return s.byName[name] }

// Sources are all of them, in the order in which they were found.
func (s *Set) Sources() []*Source { return s.sources }

// read adds what a file says.
func (s *Source) read(path string) {
	data, err := ReadFile(path)
	if err == nil {
		var file *unitfile.File
		if file, err = unitfile.Parse(path, data); err == nil {
			s.file.Merge(file)
		}
	}
	if err != nil {
		s.problems = append(s.problems, err)
	}
}

// ReadFile reads a file that may be anything: a pipe nobody writes to, a device, a picture of a
// gigabyte. What is no small file is errs.ErrInvalid.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, errs.Invalidf("%s: not a file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, rootCause(err))
	}
	if len(data) > maxFile {
		return nil, errs.Invalidf("%s: larger than %d KB", path, maxFile>>10)
	}
	return data, nil
}

func rootCause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// dropIns are the NAME.d directories that there are, by name.
type dropIns map[string][]string

// listDropIns looks once, not for each of a unit's names.
func listDropIns(dirs []string) dropIns {
	found := dropIns{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // told by Load
		}
		for _, entry := range entries {
			if name := entry.Name(); strings.HasSuffix(name, ".d") {
				found[name] = append(found[name], filepath.Join(dir, name))
			}
		}
	}
	return found
}

// of are the drop-in files of a unit, in the order in which they apply. Of files with one name the
// one in the directory of the most specific name counts, and there that of the first directory.
func (d dropIns) of(name string) []string {
	files := map[string]string{}
	for _, dirName := range dropInNames(name) {
		for _, dir := range d[dirName] {
			entries, err := os.ReadDir(dir)
			if err != nil {
				continue // a file that is called so
			}
			for _, entry := range entries {
				if base := entry.Name(); strings.HasSuffix(base, ".conf") && base[0] != '.' && files[base] == "" {
					files[base] = filepath.Join(dir, base)
				}
			}
		}
	}
	var list []string
	for _, base := range slices.Sorted(maps.Keys(files)) {
		if st, err := os.Stat(files[base]); err == nil && st.Mode()&fs.ModeCharDevice != 0 {
			continue // masked
		}
		list = append(list, files[base])
	}
	return list
}

// dropInNames are the names of the directories with drop-ins of a unit, the most specific first:
// a-b@i.container.d, a-b@.container.d, a-@.container.d, a-.container.d, container.d.
func dropInNames(name string) []string {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	prefix, instance, template := strings.Cut(stem, "@")
	list := []string{name + ".d"}
	if instance != "" {
		list = append(list, prefix+"@"+ext+".d")
	}
	for i := strings.LastIndexByte(strings.TrimSuffix(prefix, "-"), '-'); i >= 0; i = strings.LastIndexByte(prefix[:i], '-') {
		if template {
			list = append(list, prefix[:i+1]+"@"+ext+".d")
		}
		list = append(list, prefix[:i+1]+ext+".d")
	}
	return append(list, ext[1:]+".d")
}
