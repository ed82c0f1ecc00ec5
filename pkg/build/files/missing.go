package files

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// missing is the error about a path that the source does not have; cause is find's. It says what is known about it: that it
// is ignored, and by which line; that it would be above the context; what is there with a name like it.
func (s *Source) missing(word string, cause error) error {
	name := strings.TrimPrefix(path.Clean("/"+word), "/")
	err := fmt.Errorf("%q: %w in %s", name, errs.ErrNotFound, s.name)
	if link, ok := errors.AsType[*linkError](cause); ok {
		return errs.WithHint(err, fmt.Sprintf("%q is a link to %q: links cannot leave %s, which is their root", link.name, link.target, s.name))
	}
	if hint := s.ignored(name); hint != "" {
		return errs.WithHint(err, hint)
	}
	if s.dir != "" && (word == ".." || strings.HasPrefix(path.Clean(word), "../")) {
		return errs.WithHint(err, fmt.Sprintf("what is above %s cannot be copied: build in a directory above it, or use --build-context NAME=DIRECTORY and --from=NAME", s.dir))
	}
	if near := s.near(name); near != "" {
		return errs.WithHint(err, fmt.Sprintf("there is %q", near))
	}
	return err
}

// ignored says by what a file that is there is ignored.
func (s *Source) ignored(name string) string {
	pattern, line := s.ignore.why(name)
	if pattern == "" {
		return ""
	}
	all := &Source{name: s.name, dir: s.dir}
	f, err := all.find(name)
	if err != nil {
		return ""
	}
	f.close()
	return fmt.Sprintf("it is ignored: %q, line %d of %s; add !%s below that", pattern, line, s.ignore.Name, name)
}

// near gives a path that is there and differs in one name, "" for none.
func (s *Source) near(name string) string {
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		next := join(at, part)
		f, err := s.find(next)
		if err == nil {
			f.close()
			at = next
			continue
		}
		if f, err = s.find(at); err != nil {
			return ""
		}
		defer f.close()
		if !f.it.isDir() {
			return ""
		}
		items, err := list(f.dir())
		if err != nil {
			return ""
		}
		names := make([]string, 0, len(items))
		for i := range items {
			if strings.EqualFold(items[i].name, part) {
				return join(at, items[i].name)
			}
			names = append(names, items[i].name)
		}
		if close := spec.Nearest(part, names); close != "" {
			return join(at, close)
		}
		return ""
	}
	return ""
}
