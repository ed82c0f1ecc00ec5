package installed

import (
	"context"
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

// InstallOptions are those of rc quadlet install.
type InstallOptions struct {
	Names   []string // files, directories, URLs
	Replace bool
	Fetch   Fetcher
	Check   func(*quadlet.Unit) error // what else can be wrong with a unit
}

// Installed is what an installation has done.
type Installed struct {
	Paths    []string // of the files, where they are now
	Units    []string // the units of the quadlets
	Warnings []error
}

// Install installs quadlets, and the files that belong to them, for the user. All of them are
// checked first, as the generator would; a mistake is errs.ErrInvalid, and nothing is changed then.
func Install(ctx context.Context, o InstallOptions) (*Installed, error) {
	files, application, err := collect(ctx, o.Names, o.Fetch)
	if err != nil {
		return nil, err
	}
	dir, err := quadlet.InstallDir()
	if err != nil {
		return nil, err
	}
	result, err := check(files, dir, o.Check)
	if err != nil {
		return nil, err
	}
	files, err = conflicts(files, dir, o.Replace, result)
	if err != nil {
		return nil, err
	}
	own := quadlet.Generator() == ""
	if own {
		if err := foreign(result.Units); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if application != "" {
		if err := record(dir, application, files); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if err := f.write(dir); err != nil {
			return nil, err
		}
	}
	return result, WriteUnits(result.Units)
}

// check converts the files as they would be, among what is there. Paths are the files' own in
// what is said.
func check(files []file, dir string, also func(*quadlet.Unit) error) (*Installed, error) {
	staging, err := os.MkdirTemp("", "rc-quadlet-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(staging)
	var paths []string
	replace := []string{}
	for _, f := range files {
		path := filepath.Join(staging, f.name)
		if err := f.write(staging); err != nil {
			return nil, err
		}
		replace = append(replace, path, f.from)
		if quadlet.Is(f.name) {
			paths = append(paths, path)
		}
	}
	names := strings.NewReplacer(replace...)
	dirs, _ := quadlet.Dirs()
	if !slices.Contains(dirs, dir) {
		dirs = append(dirs, dir)
	}
	set, _ := quadlet.Load(dirs, paths)
	result := &Installed{}
	var problems []error
	for _, u := range set.Convert(quadlet.Options{Program: "rc"}) {
		if !slices.Contains(paths, u.Source.Path) {
			continue
		}
		result.Units = append(result.Units, u.Name)
		for _, w := range u.Warnings {
			result.Warnings = append(result.Warnings, errors.New(names.Replace(w.Error())))
		}
		if len(u.Problems) == 0 {
			if err := also(&u); err != nil {
				u.Problems = append(u.Problems, err)
			}
		}
		for _, p := range u.Problems {
			problems = append(problems, errs.Invalidf("%s", names.Replace(p.Error())))
		}
	}
	return result, errors.Join(problems...)
}

// conflicts refuses to write over what is there, unless told to, and leaves out what is in its place.
func conflicts(files []file, dir string, replace bool, result *Installed) ([]file, error) {
	var left []file
	var problems []error
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		result.Paths = append(result.Paths, path)
		there, err := os.Lstat(path)
		if err != nil {
			left = append(left, f)
			continue
		}
		given, err := os.Lstat(f.from)
		switch {
		case err == nil && os.SameFile(there, given):
		case there.IsDir():
			problems = append(problems, errs.Invalidf("%s: there is a directory of that name", path))
		case !replace:
			problems = append(problems, fmt.Errorf("%s: %w", path, errs.ErrExists))
		default:
			left = append(left, f)
		}
	}
	err := errors.Join(problems...)
	if errors.Is(err, errs.ErrExists) {
		err = errs.WithHint(err, "rc quadlet install --replace …")
	}
	return left, err
}

// write writes the file below a directory.
func (f file) write(dir string) error {
	path := filepath.Join(dir, f.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.target == "" {
		return quadlet.WriteFile(path, f.data, true)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(f.target, path)
}
