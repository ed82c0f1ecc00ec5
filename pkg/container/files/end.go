package files

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// End is where files come from, or go to.
type End struct {
	Container string // "" for the user's own files
	Path      string // "-" for a tar stream
}

// Stream says whether it is standard input or output.
func (e End) Stream() bool { return e.Container == "" && e.Path == "-" }

func (e End) String() string {
	if e.Container == "" {
		return e.Path
	}
	return e.Container + ":" + e.Path
}

// ParseEnd reads an argument of rc cp: CONTAINER:PATH, PATH or "-". What begins with "/" or
// "." is a path, whatever colons are in it.
func ParseEnd(arg string) (End, error) {
	if arg == "" {
		return End{}, errs.Invalidf("copy: the path is empty")
	}
	name, path, ok := strings.Cut(arg, ":")
	if !ok || arg[0] == '/' || arg[0] == '.' || strings.Contains(name, "/") {
		return End{Path: arg}, nil
	}
	if name == "" {
		return End{}, errs.Invalidf("copy %q: the container's name is missing before the colon", arg)
	}
	if path == "" {
		return End{}, errs.Invalidf("copy %q: the path is missing; want %s:PATH", arg, name)
	}
	return End{Container: name, Path: path}, nil
}

// ParseEnds reads both arguments of rc cp; one of them, at least, is in a container.
func ParseEnds(from, to string) (src, dst End, err error) {
	if src, err = ParseEnd(from); err != nil {
		return src, dst, err
	}
	if dst, err = ParseEnd(to); err != nil {
		return src, dst, err
	}
	if src.Container == "" && dst.Container == "" {
		return src, dst, errs.WithHint(errs.Invalidf("copy %q to %q: neither is in a container; want CONTAINER:PATH for one of them", from, to),
			"rc cp --help")
	}
	return src, dst, nil
}

// name is what the source is called in the stream: the last element of its path as given,
// or "." where only its contents are meant.
func (e End) name() string {
	trimmed := strings.TrimRight(e.Path, "/")
	base := filepath.Base(trimmed)
	switch {
	case trimmed == "", base == ".", base == "..":
		return "."
	}
	return base
}

// local makes the user's own path absolute, and keeps what it ends with.
func (e End) local() (string, error) {
	if filepath.IsAbs(e.Path) {
		return e.Path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("copy %q: %w", e.Path, err)
	}
	return dir + "/" + e.Path, nil
}

// inside says whether b is a, or lies in it, by their names.
func inside(a, b string) bool {
	a, b = filepath.Clean("/"+a), filepath.Clean("/"+b)
	return a == b || a == "/" || strings.HasPrefix(b, a+"/")
}
