package quadlet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/errs"
)

// temporary begins the names of files that are not whole yet. systemd takes no such name for a unit.
const temporary = ".rc-quadlet-"

// Write writes units and their links into a directory; each file is there once it is whole, and
// one that is so already is left alone. sync makes them outlast a power cut.
func Write(dir string, units []Unit, sync bool) []error {
	var problems []error
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return []error{err}
	}
	for i := range units {
		if u := &units[i]; u.Text != nil {
			if err := WriteFile(filepath.Join(dir, u.Name), u.Text, sync); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", u.Source.Path, err))
			}
		}
	}
	// Afterwards: an alias must not take the name of a unit.
	for i := range units {
		for _, l := range units[i].Links {
			if err := l.make(dir); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", units[i].Source.Path, err))
			}
		}
	}
	return problems
}

// WriteFile writes a file that is there once it is whole.
func WriteFile(path string, data []byte, sync bool) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// make makes the link, in place of one that goes elsewhere.
func (l Link) make(dir string) error {
	path := filepath.Join(dir, l.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if target, err := os.Readlink(path); err == nil {
		if target == l.Target {
			return nil
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	err := os.Symlink(l.Target, path)
	if errors.Is(err, fs.ErrExist) {
		return errs.Invalidf("link %s: there is a unit of that name", l.Path)
	}
	return err
}
