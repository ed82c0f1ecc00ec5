package files

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/rc-containers/rc/pkg/errs"
)

// Ignore is what a .dockerignore file says.
type Ignore struct {
	Name     string // of the file, as messages call it
	patterns []string
	lines    []int // of each pattern
}

// maxIgnore limits the size of a .dockerignore file in bytes.
const maxIgnore = 16 << 20

// FindIgnore reads the file that says what of a context is ignored: explicit if that is not "", else the one named after
// the Dockerfile, else .containerignore or .dockerignore in the context. It is nil where there is none.
func FindIgnore(context, dockerfile, explicit string) (*Ignore, error) {
	candidates := []string{explicit}
	if explicit == "" {
		candidates = nil
		if dockerfile != "" {
			candidates = append(candidates, dockerfile+".containerignore", dockerfile+".dockerignore")
		}
		if context != "" {
			candidates = append(candidates, filepath.Join(context, ".containerignore"), filepath.Join(context, ".dockerignore"))
		}
	}
	for _, name := range candidates {
		data, err := readIgnore(name)
		if errors.Is(err, fs.ErrNotExist) && explicit == "" {
			continue
		}
		if err != nil {
			return nil, err
		}
		return ParseIgnore(data, filepath.Base(name))
	}
	return nil, nil
}

func readIgnore(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errs.Invalidf("read %q: it is not a file", name)
	}
	if info.Size() > maxIgnore {
		return nil, errs.Invalidf("read %q: it has %d bytes, more than %d", name, info.Size(), maxIgnore)
	}
	return os.ReadFile(name)
}

// ParseIgnore reads the text of a .dockerignore file.
func ParseIgnore(data []byte, name string) (*Ignore, error) {
	ig := &Ignore{Name: name}
	// Line by line, to know the numbers; the mark at the beginning of a text is the first line's.
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if n > 1 {
			line = append([]byte("\n"), line...)
		}
		patterns, err := ignorefile.ReadAll(bytes.NewReader(line))
		if err != nil {
			return nil, errs.Invalidf("%s:%d: %v", name, n, err)
		}
		for _, p := range patterns {
			if _, err := patternmatcher.New([]string{p}); err != nil {
				return nil, errs.Invalidf("%s:%d: %q: %v", name, n, p, err)
			}
			ig.patterns, ig.lines = append(ig.patterns, p), append(ig.lines, n)
		}
	}
	return ig, nil
}

// special are characters that patternmatcher leaves to the regular expressions that it makes of patterns.
const special = `[\|{}`

// verdict is what patterns say about a path, for those below it.
type verdict = patternmatcher.MatchInfo

// matcher applies patterns; it may be used by several goroutines.
type matcher struct {
	mu   sync.Mutex
	pm   *patternmatcher.PatternMatcher
	held sync.Map // path → bool, see contextDir.holds
	// exceptions are the patterns that begin with an exclamation mark, in components; anywhere says that one of
	// them could match in any directory.
	exceptions [][]string
	anywhere   bool
}

// newMatcher is nil where there are no patterns.
func newMatcher(patterns []string) (*matcher, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	pm, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, errs.Invalidf("pattern %q: %v", patterns, err)
	}
	m := &matcher{pm: pm}
	for _, p := range pm.Patterns() {
		if p.Exclusion() {
			m.anywhere = m.anywhere || strings.ContainsAny(p.String(), special)
			m.exceptions = append(m.exceptions, strings.Split(p.String(), "/"))
		}
	}
	return m, nil
}

func (m *matcher) match(path string, above verdict) (bool, verdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	matched, v, err := m.pm.MatchesUsingParentResults(path, above)
	if err != nil {
		return false, v, fmt.Errorf("match %q: %w", path, err)
	}
	return matched, v, nil
}

// hides says whether a name that nothing is above matches.
func (m *matcher) hides(name string) bool {
	if m == nil {
		return false
	}
	hit, _, err := m.match(name, verdict{})
	return err == nil && hit
}

// mayHold says whether something below a path that matches could be an exception.
func (m *matcher) mayHold(dir string) bool {
	if m.anywhere {
		return true
	}
	for _, pattern := range m.exceptions {
		if mayMatchBelow(pattern, dir) {
			return true
		}
	}
	return false
}

// mayMatchBelow says whether a pattern, in components, could match something below a directory.
func mayMatchBelow(pattern []string, dir string) bool {
	parts := strings.Split(dir, "/")
	for i, part := range parts {
		if i == len(pattern) {
			return false // what it matches is the directory or above
		}
		if strings.Contains(pattern[i], "**") {
			return true
		}
		if ok, err := path.Match(pattern[i], part); err == nil && !ok {
			return false
		}
	}
	return len(pattern) > len(parts)
}

// why gives the pattern and its line by which a path is ignored, "" if it is not.
func (ig *Ignore) why(name string) (pattern string, line int) {
	if ig == nil {
		return "", 0
	}
	for i, p := range ig.patterns {
		inverted := strings.HasPrefix(p, "!")
		m, err := patternmatcher.New([]string{strings.TrimPrefix(p, "!")})
		if err != nil {
			continue
		}
		if hit, err := m.MatchesOrParentMatches(name); err == nil && hit {
			if pattern, line = p, ig.lines[i]; inverted {
				pattern, line = "", 0
			}
		}
	}
	return pattern, line
}
