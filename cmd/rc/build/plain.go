package build

import (
	"fmt"
	"io"
	"time"

	"github.com/docker/go-units"

	"github.com/rc-containers/rc/pkg/build"
)

// plain writes lines: each with the number of its step, so that those of steps that go on side by side can be told apart.
type plain struct {
	*book
	out io.Writer
	// last is the step that the last line was of, told the last time that progress in bytes was shown.
	last *step
	told map[*step]time.Time
}

func newPlain(out io.Writer) *plain {
	return &plain{book: newBook(), out: out, told: map[*step]time.Time{}}
}

// bytesEvery is how often a line says how far a long copy or pull is.
const bytesEvery = 2 * time.Second

func (p *plain) Event(e build.Event) {
	if e.Warning != "" {
		fmt.Fprintf(p.out, "Warning: %s\n", e.Warning)
	}
	if e.Name == "" && e.State == "" && len(e.Log) == 0 && e.Current == 0 {
		return
	}
	before := len(p.steps)
	s, lines := p.note(e)
	if len(p.steps) > before || len(lines) > 0 && p.last != s {
		p.head(s)
	}
	for _, l := range lines {
		fmt.Fprintf(p.out, "#%d %.3f %s\n", s.number, l.after.Seconds(), l.text)
	}
	switch e.State {
	case build.StateCached:
		p.write(s, "CACHED")
	case build.StateDone:
		p.write(s, fmt.Sprintf("DONE %.1fs", s.ended.Sub(s.begun).Seconds()))
	case build.StateFailed:
		p.write(s, "ERROR: "+s.error)
	case "":
		if now := e.Time; e.Current > 0 && now.Sub(p.told[s]) >= bytesEvery {
			p.told[s] = now
			p.write(s, amount(s))
		}
	}
}

// head writes the name of a step; it is repeated where another step's lines came in between.
func (p *plain) head(s *step) {
	if p.last != nil && p.last != s {
		fmt.Fprintln(p.out)
	}
	p.last = s
	fmt.Fprintf(p.out, "#%d %s\n", s.number, s.name)
}

func (p *plain) write(s *step, text string) {
	if p.last != s {
		p.head(s)
	}
	fmt.Fprintf(p.out, "#%d %s\n", s.number, text)
}

func (p *plain) End() {}

// amount is how much a step has copied or pulled, "" if nothing.
func amount(s *step) string {
	switch {
	case s.total > 0:
		return units.HumanSize(float64(s.current)) + " / " + units.HumanSize(float64(s.total))
	case s.current > 0:
		return units.HumanSize(float64(s.current))
	}
	return ""
}

// quiet keeps what a failure is explained by, and shows nothing.
type quiet struct{ *book }

func (q quiet) Event(e build.Event) {
	if e.Name != "" || e.State != "" || len(e.Log) > 0 {
		q.note(e)
	}
}

func (quiet) End() {}
