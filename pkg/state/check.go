package state

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Finding is something in the records that should not be so.
type Finding struct {
	// Object is what it is about, Problem what is wrong with it.
	Object, Problem string
	// Lossy says that mending takes a container away, with all that it has written.
	Lossy bool
	// Mend puts it right. What it finds changed meanwhile it leaves alone.
	Mend func() error
}

// Unfinished is how old a file has to be that somebody seems to be writing, to be of a killed
// process: nobody takes that long.
const Unfinished = time.Minute

// Check looks at every record, name and runtime directory. It waits for nobody; what living
// processes are in the middle of is not reported. Whether shims live is not its concern: see
// Sweep.
func (r Root) Check() ([]Finding, error) {
	ck := &checker{root: r, names: map[string][]string{}}
	links, err := readDir(r.namesDir())
	if err != nil {
		return nil, fmt.Errorf("check names: %w", err)
	}
	for _, l := range links {
		if id := r.named(l.Name()); isID(id) {
			ck.names[id] = append(ck.names[id], l.Name())
		}
	}
	dirs, err := readDir(r.containersDir())
	if err != nil {
		return nil, fmt.Errorf("check containers: %w", err)
	}
	for _, d := range dirs {
		if !isID(d.Name()) {
			ck.foreign(filepath.Join(r.containersDir(), d.Name()))
			continue
		}
		ck.container(d.Name())
	}
	for _, l := range links {
		ck.name(l)
	}
	runs, err := readDir(r.runsDir())
	if err != nil {
		return nil, fmt.Errorf("check runtime directories: %w", err)
	}
	for _, d := range runs {
		if !isID(d.Name()) {
			ck.foreign(filepath.Join(r.runsDir(), d.Name()))
			continue
		}
		ck.runtime(d.Name())
	}
	return ck.found, nil
}

func readDir(path string) ([]os.DirEntry, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

type checker struct {
	root  Root
	names map[string][]string // by id
	found []Finding
}

func (c *checker) add(object, problem string, mend func() error) {
	c.found = append(c.found, Finding{Object: object, Problem: problem, Mend: mend})
}

func (c *checker) foreign(path string) {
	c.add(path, "rc did not make this", func() error {
		return errors.New("only you can know what it is for: move it away")
	})
}

// container checks the directory of a container.
func (c *checker) container(id string) {
	r, object := c.root, "container "+id[:12]
	if !r.recorded(id) {
		if !r.held(id) && !r.recorded(id) && old(r.Dir(id), fresh) { // a new one is about to be held
			c.add(object, "a directory without a record, which a killed creation left", func() error { return c.sweep(id) })
		}
		return
	}
	c.leftovers(r.Dir(id))
	record, err := r.Load(id)
	if err != nil {
		if errors.Is(err, errs.ErrNotFound) {
			return // removed meanwhile
		}
		c.found = append(c.found, Finding{
			Object: object, Problem: fmt.Sprintf("broken record: %v", err), Lossy: true,
			Mend: func() error { return c.discard(id) },
		})
		return
	}
	if problem := c.summary(record); problem != "" {
		c.add(object, problem, func() error { return r.rewriteSummary(id) })
	}
	if _, err := readFields[spec.Exit](filepath.Join(r.Dir(id), exitFile)); err != nil {
		c.add(object, fmt.Sprintf("the record of its end is broken: %v", err), func() error { return r.mendExit(id) })
	}
	if record.Remove && !r.held(id) {
		// A shim that is about to remove it has a state still.
		if _, err := r.entry(id); errors.Is(err, errs.ErrNotFound) && missing(r.RunDir(id)) && r.recorded(id) {
			c.add(object, "it has ended, and should have been removed", func() error { return c.sweep(id) })
			return
		}
	}
	if names := c.names[id]; !slices.Contains(names, record.Name) && !slices.Contains(c.namesNow(id), record.Name) {
		c.add(object, fmt.Sprintf("its name %q does not lead to it", record.Name), func() error { return r.relink(id) })
	}
}

// namesNow are a container's names once more: it may have been created, or renamed, since the
// first look.
func (c *checker) namesNow(id string) []string {
	names, err := c.root.namesOf(id)
	if err != nil {
		return nil
	}
	return names
}

// summary says what is wrong with a container's summary.json, "" for nothing.
func (c *checker) summary(record *spec.Container) string {
	r := c.root
	if record.Remove {
		return "" // it has none
	}
	path := filepath.Join(r.Dir(record.ID), summaryFile)
	have, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.held(record.ID) {
			return "" // it is being written
		}
		return "summary.json is missing"
	case err != nil:
		return err.Error()
	}
	// Whoever rewrites the two is between them for a moment.
	for range 3 {
		want, err := encode(r.summary(record))
		if err != nil || bytes.Equal(have, want) || r.renaming(record.ID) {
			return ""
		}
		if record, err = r.Load(record.ID); err != nil {
			return ""
		}
		if have, err = readFile(path); err != nil {
			return ""
		}
	}
	return "summary.json contradicts container.json"
}

// name checks one link.
func (c *checker) name(link os.DirEntry) {
	r, name := c.root, link.Name()
	object := fmt.Sprintf("name %q", name)
	if link.Type() != fs.ModeSymlink {
		c.add(object, "not a link to a container", func() error { return os.Remove(r.NamePath(name)) })
		return
	}
	id := r.named(name)
	if id == "" {
		return // gone meanwhile
	}
	if r.garbage(id) {
		c.add(object, "leads to no container", func() error {
			_, err := r.freeName(name)
			return err
		})
		return
	}
	// A rename has both names for a moment.
	record, err := r.Load(id)
	if err != nil || record.Name == name || r.renaming(id) {
		return
	}
	if record, err = r.Load(id); err == nil && record.Name != name && r.named(name) == id {
		c.add(object, fmt.Sprintf("leads to container %s, which is called %q", id[:12], record.Name), func() error { return r.relink(id) })
	}
}

// runtime checks a runtime directory.
func (c *checker) runtime(id string) {
	r, object := c.root, "container "+id[:12]
	dir := r.RunDir(id)
	c.leftovers(dir)
	state, alive, err := r.shimOf(id)
	if err != nil {
		c.add(object, fmt.Sprintf("the record of its run is broken: %v", err), func() error { return r.mendState(id) })
		return
	}
	switch {
	case !missing(r.Dir(id)):
		if state == nil && !r.held(id) && r.recorded(id) && old(dir, fresh) && missing(filepath.Join(dir, stateFile)) {
			c.add(object, "a runtime directory, and it does not run", func() error { return r.dropRuntime(id) })
		}
	case !alive && old(dir, fresh): // one that lives is of another data root, or is being removed
		c.add(object, "a runtime directory of no container", func() error { return c.sweep(id) })
	}
}

// old says whether a file has not been changed for some time.
func old(path string, age time.Duration) bool {
	info, err := os.Lstat(path)
	return err == nil && time.Since(info.ModTime()) >= age
}

// temporary are the names of files that are renamed when they are whole: writeRecord's and
// linux.ReplaceFile's.
const temporary = `^((container|summary|exit|state|health)\.json\.[0-9]+|\.(` + stoppedFile + `|[a-z]+\.json)\.[0-9]+)$`

// leftovers finds what killed writers left in a container's directory.
func (c *checker) leftovers(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	pattern := regexp.MustCompile(temporary)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if pattern.MatchString(e.Name()) && old(path, Unfinished) {
			c.add(path, "a record that a killed process began to write", func() error { return os.Remove(path) })
		}
	}
}
