package installed

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/quadlet"
)

// mark begins the units that this package writes; others are not touched.
const mark = "Written by rc quadlet, which overwrites it: change the quadlet instead"

// unitDir is where a user's own units are.
func unitDir() (string, error) {
	dir, err := quadlet.ConfigHome()
	return filepath.Join(dir, "systemd/user"), err
}

// isOurs reports whether this package wrote a unit.
func isOurs(path string) bool {
	data, err := quadlet.ReadFile(path)
	return err == nil && bytes.HasPrefix(data, []byte("# "+mark+"\n"))
}

// foreign refuses units whose names the user has given to others of his.
func foreign(units []string) error {
	dir, err := unitDir()
	if err != nil {
		return err
	}
	for _, name := range units {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil && !isOurs(path) {
			return errs.WithHint(fmt.Errorf("write unit %s: %w, and is not rc's", path, errs.ErrExists), "remove that unit, or set ServiceName= in the quadlet")
		}
	}
	return nil
}

// WriteUnits writes the units of these names, of those that were written before, and of what they
// need, and removes those that no quadlet makes any more. Where there is a generator, all are
// removed, which would be in its way.
func WriteUnits(names []string) error {
	dir, err := unitDir()
	if err != nil {
		return err
	}
	program, err := quadlet.Program()
	if err != nil {
		return err
	}
	before, err := written(dir)
	if err != nil {
		return err
	}
	if len(before) == 0 && quadlet.Generator() != "" {
		return nil
	}
	dirs, problems := quadlet.Dirs()
	set, more := quadlet.Load(dirs, nil)
	problems = append(problems, more...)
	var units []quadlet.Unit
	if quadlet.Generator() == "" {
		units = selected(set.Convert(quadlet.Options{Program: program, By: mark}), slices.Concat(names, before))
	}
	var now []string
	for _, u := range units {
		now = append(now, u.Name)
	}
	if err := foreign(now); err != nil {
		return err
	}
	// Links first: [Install] may have changed.
	for _, name := range before {
		if err := disable(dir, name); err != nil {
			problems = append(problems, err)
		}
		if !slices.Contains(now, name) {
			problems = append(problems, gone(os.Remove(filepath.Join(dir, name))))
		}
	}
	if len(units) > 0 {
		problems = append(problems, quadlet.Write(dir, units, true)...)
	}
	return errors.Join(problems...)
}

// written are the units that this package wrote.
func written(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if path := filepath.Join(dir, entry.Name()); entry.Type().IsRegular() && isOurs(path) {
			if strings.HasPrefix(entry.Name(), ".") {
				_ = os.Remove(path) // of a call that was killed
				continue
			}
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// selected are the units of these names and those of the quadlets that they need.
func selected(units []quadlet.Unit, names []string) []quadlet.Unit {
	byQuadlet := map[string]quadlet.Unit{}
	for _, u := range units {
		byQuadlet[u.Source.Name] = u
	}
	taken := map[string]bool{}
	var list []quadlet.Unit
	var take func(u quadlet.Unit)
	take = func(u quadlet.Unit) {
		if taken[u.Source.Name] || u.Text == nil {
			return
		}
		taken[u.Source.Name] = true
		list = append(list, u)
		for _, name := range u.Needs {
			take(byQuadlet[name])
		}
	}
	for _, u := range units {
		if slices.Contains(names, u.Name) {
			take(u)
		}
	}
	return list
}

// disable removes the links to a unit.
func disable(dir, name string) error {
	links, err := filepath.Glob(filepath.Join(dir, "*.*", "*"))
	if err != nil {
		return err
	}
	aliases, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	var problems []error
	for _, path := range slices.Concat(links, aliases) {
		target, err := os.Readlink(path)
		if err != nil || target != name && target != "../"+name {
			continue
		}
		problems = append(problems, gone(os.Remove(path)))
		_ = os.Remove(filepath.Dir(path)) // if it is empty now
	}
	return errors.Join(problems...)
}

// gone leaves out that something was not there.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
