package logs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/rc-containers/rc/pkg/linux"
)

// chain holds the files of a log that is followed: from the one being read to the newest. They
// are opened as soon as they are there, and not only when the reader gets to them: by then the
// container may have ended and be gone with them (--rm). Each is locked (see followed) for as
// long as it is not read, within the writer's patience.
type chain struct {
	c    Config   // its Path leads through dir
	dir  *os.File // stays the same where it is moved to be deleted
	name string   // dir's

	mu       sync.Mutex
	segments []*segment
}

func newChain(c Config, segments []*segment) (*chain, error) {
	name := filepath.Dir(c.Path)
	dir, err := os.Open(name)
	if err != nil {
		closeSegments(segments)
		return nil, err
	}
	c.Path = filepath.Join(linux.FDPath(int(dir.Fd())), filepath.Base(c.Path))
	for _, s := range segments {
		s.lock()
	}
	return &chain{c: c, dir: dir, name: name, segments: segments}, nil
}

func (c *chain) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	closeSegments(c.segments)
	_ = c.dir.Close()
	c.segments, c.dir = nil, nil
}

// make makes the file where the writer has not done so, which does with the first output.
func (c *chain) make() {
	if f, err := os.OpenFile(c.c.Path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err == nil {
		_ = f.Close()
	}
}

// refresh opens what is new.
func (c *chain) refresh() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.dir != nil {
		var newest *segment
		if n := len(c.segments); n > 0 {
			newest = c.segments[n-1]
		}
		next, err := c.successor(newest)
		if next == nil {
			return err
		}
		next.lock()
		c.segments = append(c.segments, next)
		if len(c.segments) > c.c.files() && len(c.segments) > 2 {
			// Rotated away, and nobody shall keep the space that it takes: the writer was patient.
			_ = c.segments[1].f.Close()
			c.segments = slices.Delete(c.segments, 1, 2)
			c.segments[1].gap = true
		}
	}
	return nil
}

// first is the file to be read, nil for none; last says that it is the newest.
func (c *chain) first() (s *segment, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.segments) == 0 {
		return nil, true
	}
	return c.segments[0], len(c.segments) == 1
}

// next leaves the first file, which was read, for the one after it.
func (c *chain) next() *segment {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.segments[0].f.Close()
	c.segments = c.segments[1:]
	return c.segments[0]
}

// successor opens the next newer file; nil: there is none yet.
func (c *chain) successor(current *segment) (*segment, error) {
	const attempts = 100
	for range attempts {
		at, oldest := c.find(current)
		switch {
		case at == 0, oldest < 0:
			return nil, nil
		case at < 0 && current != nil && c.removed():
			return nil, nil // whatever is left of it is older
		case at < 0: // rotated away, or removed by somebody
			next, err := openSegment(c.c.rotated(oldest))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err == nil {
				next.gap = current != nil && c.c.files() > 1
			}
			return next, err
		}
		var next *segment
		err := os.ErrNotExist
		n := at - 1
		for ; n >= 0; n-- { // over the gaps that a rotation leaves for a moment, or a killed one for good
			if next, err = openSegment(c.c.rotated(n)); !errors.Is(err, os.ErrNotExist) {
				break
			}
		}
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, nil // in the middle of a rotation
		case err != nil:
			return nil, err
		case current.is(c.c.rotated(at)) && c.missing(n+1, at):
			return next, nil
		}
		_ = next.f.Close() // rotated meanwhile: this may be one too far
	}
	return nil, nil
}

// removed says whether the container was removed: what is in its directory goes in any order then.
func (c *chain) removed() bool {
	there, err := os.Stat(c.name)
	if err != nil {
		return true
	}
	ours, err := c.dir.Stat()
	return err != nil || !os.SameFile(there, ours)
}

// find says which number a file has now, and the greatest that any has; -1 for none.
func (c *chain) find(s *segment) (at, oldest int) {
	oldest = -1
	for n := range c.c.files() {
		info, err := os.Stat(c.c.rotated(n))
		if err != nil {
			continue
		}
		oldest = n
		if s != nil && os.SameFile(info, s.info) {
			return n, oldest
		}
	}
	return -1, oldest
}

// missing says whether no file has the numbers from first to before end. Files move from the
// oldest on: where this holds with the oldest in its place, no newer one has moved.
func (c *chain) missing(first, end int) bool {
	for n := first; n < end; n++ {
		if _, err := os.Stat(c.c.rotated(n)); err == nil {
			return false
		}
	}
	return true
}
