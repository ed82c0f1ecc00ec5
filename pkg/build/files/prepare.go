package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build/dockerfile"
	"github.com/rc-containers/rc/pkg/build/remote"
	"github.com/rc-containers/rc/pkg/errs"
)

// Options are what a COPY depends on besides the instruction.
type Options struct {
	// Now is the time of what has none: directories that are made, here-documents.
	Now time.Time
	// Latest, if it is set, is the time of everything that is younger: --timestamp and SOURCE_DATE_EPOCH.
	Latest *time.Time
	// Temp is a directory for what is downloaded, which the caller deletes in the end; "" is the system's. In URLs is
	// kept what is known of them; it is made when it is needed, "" keeps nothing.
	Temp, URLs string
	// Warn is told what is left out. It may be nil.
	Warn func(error)
	// Progress is told how many bytes of content have been written, of how many; Reading how many have been read for Key, by
	// several goroutines. They may be nil.
	Progress, Reading func(current, total int64)
}

// Prepared is an instruction that has chosen its files. Close it.
type Prepared struct {
	copy    *dockerfile.Copy
	o       Options
	src     *Source
	matches []*match
	change  *change // --chmod
	opened  []*Source
	made    []string // directories
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
	if user, group, _ := strings.Cut(c.Chown, ":"); c.Link && (isName(user) || isName(group)) {
		return nil, errs.Invalidf("--chown %q: with --link nothing says what names stand for; want numbers", c.Chown)
	}
	exclude, err := newMatcher(c.Exclude)
	if err != nil {
		return nil, err
	}
	for _, source := range c.Sources {
		m, err := p.remote(ctx, source)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", source, err)
		}
		if m != nil {
			p.matches = append(p.matches, m)
			continue
		}
		if err := p.source(ctx, source, exclude); err != nil {
			return nil, err
		}
	}
	for _, in := range c.Inline {
		p.matches = append(p.matches, &match{base: path.Base(in.Name), top: &pick{ino: &inode{
			mode: unix.S_IFREG | 0o644, mtime: p.o.now(), size: int64(len(in.Data)), made: &made{data: []byte(in.Data)},
		}}})
	}
	return p, nil
}

// Close releases what was fetched.
func (p *Prepared) Close() {
	for _, src := range p.opened {
		src.Close()
	}
	for _, dir := range p.made {
		_ = os.RemoveAll(dir) // what stays, whoever has made Options.Temp deletes
	}
	p.opened, p.made = nil, nil
}

// remote prepares a source that is a URL; nil is for what is none.
func (p *Prepared) remote(ctx context.Context, word string) (*match, error) {
	ref, err := remote.ParseRepository(word)
	switch {
	case err != nil:
		return nil, err
	case ref != nil && !ref.IndistinguishableFromLocal && p.copy.Add:
		return p.fromGit(ctx, ref)
	case isURL(word) && p.copy.Add:
		return p.fromURL(ctx, word)
	case isURL(word) || ref != nil && !ref.IndistinguishableFromLocal:
		return nil, errs.Invalidf("COPY does not fetch: that is for ADD")
	case p.copy.Checksum != "":
		return nil, errs.Invalidf("--checksum %q: it is for URLs and git repositories", p.copy.Checksum)
	}
	return nil, nil
}

// only chooses one path of a source that was fetched, which it takes over.
func (p *Prepared) only(ctx context.Context, src *Source, path string) (*pick, error) {
	p.opened = append(p.opened, src)
	f, err := src.find(path)
	if err != nil {
		return nil, err
	}
	defer f.close()
	exclude, err := newMatcher(p.copy.Exclude)
	if err != nil {
		return nil, err
	}
	s := &selector{ctx: ctx, src: src, exclude: exclude, links: map[fileID]*inode{}}
	return s.top(f)
}

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
		err = p.src.missing(word, err)
	}
	if err != nil {
		return err
	}
	for _, at := range paths {
		f, err := p.find(at, from)
		if err != nil {
			return err
		}
		if !f.it.isDir() && hasWildcards(from) && exclude.hides(path.Base("/"+at)) {
			f.close()
			continue
		}
		// Links are of one match each, as BuildKit has it.
		s.links = map[fileID]*inode{}
		m := &match{base: path.Base("/" + at), unpack: p.unpacks()}
		m.top, err = s.top(f)
		f.close()
		if err != nil {
			return err
		}
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

// find finds a path, for which the instruction says word.
func (p *Prepared) find(at, word string) (*found, error) {
	f, err := p.src.find(at)
	if errors.Is(err, errNoFile) {
		err = p.src.missing(word, err)
	}
	return f, err
}

// literal are the components that a pattern begins with which have no wildcards.
func literal(pattern string) []string {
	if strings.ContainsAny(pattern, special) {
		return nil
	}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		if strings.ContainsAny(part, "*?^") {
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
