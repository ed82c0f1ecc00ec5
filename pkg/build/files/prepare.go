package files

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/errs"
)

// Options are what a COPY depends on besides the instruction.
type Options struct {
	// Now is the time of what has none: directories that are made, here-documents.
	Now time.Time
	// Latest, if it is set, is the time of everything that is younger: --timestamp and SOURCE_DATE_EPOCH.
	Latest *time.Time
	// Progress is told how many bytes of content have been written, of how many. It may be nil.
	Progress func(current, total int64)
}

// Prepared is an instruction that has chosen its files. Close it.
type Prepared struct {
	copy    *dockerfile.Copy
	o       Options
	src     *Source
	matches []*match
	change  *change // --chmod
}

// Prepare chooses the files of a COPY or an ADD. src is what Copy.From names; nil where nothing is read from it. It stays
// the caller's, and open until the Prepared is closed.
func Prepare(ctx context.Context, src *Source, c *dockerfile.Copy, o Options) (_ *Prepared, err error) {
	p := &Prepared{copy: c, o: o, src: src}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if c.Chmod != "" {
		if p.change, err = parseChmod(c.Chmod); err != nil {
			return nil, err
		}
	}
	exclude, err := newMatcher(c.Exclude)
	if err != nil {
		return nil, err
	}
	for _, source := range c.Sources {
		if err := p.source(ctx, source, exclude); err != nil {
			return nil, err
		}
	}
	for _, in := range c.Inline {
		p.matches = append(p.matches, &match{base: path.Base(in.Name), top: &pick{ino: &inode{
			mode: unix.S_IFREG | 0o644, mtime: p.o.now(), size: int64(len(in.Data)), data: []byte(in.Data),
		}}})
	}
	return p, nil
}

// Close releases what was fetched.
func (p *Prepared) Close() {}

// source chooses what one word of the instruction stands for.
func (p *Prepared) source(ctx context.Context, word string, exclude *matcher) error {
	s := &selector{ctx: ctx, src: p.src, exclude: exclude}
	from := word
	if p.copy.Parents {
		pivot, pattern, ok := strings.Cut(word, "/./")
		if !ok {
			pivot, pattern = "", word
		}
		pattern = strings.TrimPrefix(path.Clean("/"+pattern), "/")
		from = pivot
		if pattern != "" {
			var err error
			if s.include, err = newMatcher([]string{pattern}); err != nil {
				return err
			}
			s.literal = literal(pattern)
		}
		if !hasWildcards(pivot) && !hasWildcards(pattern) {
			f, err := p.find(path.Join(pivot, pattern), word)
			if err != nil {
				return err
			}
			f.close()
		}
	}
	paths, err := p.src.glob(ctx, from)
	if errors.Is(err, errNoFile) {
		err = p.src.missing(word)
	}
	if err != nil {
		return fmt.Errorf("copy %q: %w", word, err)
	}
	for _, at := range paths {
		f, err := p.find(at, word)
		if err != nil {
			return err
		}
		// Links are of one match each, as BuildKit has it.
		s.links = map[fileID]*inode{}
		m := &match{base: path.Base("/" + at), contents: true}
		m.top, err = s.top(f)
		f.close()
		if err != nil {
			return fmt.Errorf("copy %q: %w", word, err)
		}
		m.unpack = p.unpacks()
		p.matches = append(p.matches, m)
	}
	return nil
}

func (p *Prepared) unpacks() bool {
	if p.copy.Unpack != nil {
		return *p.copy.Unpack
	}
	return p.copy.Add
}

func (p *Prepared) find(at, word string) (*found, error) {
	f, err := p.src.find(at)
	if errors.Is(err, errNoFile) {
		err = p.src.missing(at)
	}
	if err != nil {
		return nil, fmt.Errorf("copy %q: %w", word, err)
	}
	return f, nil
}

// literal are the components that a pattern begins with which have no wildcards.
func literal(pattern string) []string {
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, `*?[\^`) {
			return parts[:i]
		}
	}
	return parts
}

// now is the time of what has none, in seconds since 1970.
func (o *Options) now() int64 {
	if o.Now.IsZero() {
		return time.Now().Unix()
	}
	return o.Now.Unix()
}

// missing is the error about a path that the source does not have.
func (s *Source) missing(name string) error {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	err := fmt.Errorf("%s has no %q: %w", s.name, name, errs.ErrNotFound)
	if pattern, line := s.ignore.why(name); pattern != "" {
		return errs.WithHint(err, fmt.Sprintf("it is ignored by %q, line %d of %s", pattern, line, s.ignore.Name))
	}
	return err
}
