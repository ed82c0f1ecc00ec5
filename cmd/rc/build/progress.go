package build

import (
	"bytes"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// progress shows how a build goes on. Events come one at a time.
type progress interface {
	Event(e build.Event)
	// End draws what stays on the screen.
	End()
	// Failed is the step that failed, nil for none.
	Failed() *step
}

// Values of --progress.
const (
	progressAuto  = "auto"
	progressPlain = "plain"
	progressTTY   = "tty"
	progressQuiet = "quiet"
)

func progressKinds() []string {
	return []string{progressAuto, progressPlain, progressTTY, progressQuiet}
}

// newProgress chooses by --progress, and, where that says auto, by what standard error is.
func newProgress(kind string, out *os.File) (progress, error) {
	if _, err := parse.Choice(kind, progressKinds()...); err != nil {
		return nil, errs.Invalidf("--progress %w", err)
	}
	isTerminal := term.IsTerminal(int(out.Fd()))
	switch {
	case kind == progressQuiet:
		return quiet{newBook()}, nil
	case kind == progressTTY && !isTerminal:
		return nil, errs.Invalidf("--progress tty: standard error is no terminal")
	case kind == progressTTY, kind == progressAuto && format.Redraws(out):
		return newTTY(out), nil
	}
	return newPlain(out), nil
}

// step is what is known of one.
type step struct {
	number       int // as shown, from 1
	name         string
	begun, ended time.Time
	state        string // of build.Event; "" is known and not begun
	current      int64
	total        int64
	// tail are the last lines that it has printed, line what came after the last newline, by stream.
	tail  []logLine
	line  [3][]byte
	error string
	lines [2]int
	code  int
}

type logLine struct {
	after time.Duration // since the step began
	text  string
}

// tailLines is how much of a step's output is told when it fails.
const tailLines = 25

// longestLine is where a line without an end is broken, in bytes.
const longestLine = 16 << 10

// book has all steps of a build.
type book struct {
	begun  time.Time
	steps  []*step // in the order in which they have begun
	byID   map[int]*step
	failed *step
}

func newBook() *book { return &book{begun: time.Now(), byID: map[int]*step{}} }

func (b *book) Failed() *step { return b.failed }

// note takes an event in; lines are the complete lines that came with it.
func (b *book) note(e build.Event) (s *step, lines []logLine) {
	s = b.byID[e.Step]
	if s == nil {
		s = &step{number: len(b.steps) + 1}
		b.byID[e.Step] = s
		b.steps = append(b.steps, s)
	}
	if e.Name != "" {
		s.name = e.Name
	}
	if e.Total > 0 || e.Current > 0 {
		s.current, s.total = e.Current, e.Total
	}
	if len(e.Log) > 0 {
		lines = s.print(e)
	}
	switch e.State {
	case "":
		return s, lines
	case build.StateBegin:
		s.begun = e.Time
	default:
		lines = append(lines, s.rest(e.Time)...)
		s.ended = e.Time
		if s.begun.IsZero() {
			s.begun = e.Time
		}
	}
	s.state = e.State
	if e.State == build.StateFailed {
		s.error, s.lines, s.code = e.Error, e.Lines, e.Code
		if b.failed == nil {
			b.failed = s
		}
	}
	return s, lines
}

// print cuts what a step has printed into lines.
func (s *step) print(e build.Event) (lines []logLine) {
	stream := min(max(e.Stream, 0), 2)
	data := append(s.line[stream], e.Log...)
	for {
		i := bytes.IndexByte(data[:min(len(data), longestLine)], '\n')
		if i < 0 && len(data) < longestLine {
			break
		}
		if i < 0 {
			lines = append(lines, s.add(e.Time, data[:longestLine]))
			data = data[longestLine:]
			continue
		}
		lines = append(lines, s.add(e.Time, data[:i]))
		data = data[i+1:]
	}
	s.line[stream] = bytes.Clone(data)
	return lines
}

// rest are lines that the step's end has ended.
func (s *step) rest(now time.Time) (lines []logLine) {
	for i, data := range s.line {
		if len(data) > 0 {
			lines = append(lines, s.add(now, data))
			s.line[i] = nil
		}
	}
	return lines
}

func (s *step) add(now time.Time, data []byte) logLine {
	l := logLine{text: printable(string(data))}
	if !s.begun.IsZero() {
		l.after = now.Sub(s.begun)
	}
	if len(s.tail) == tailLines {
		s.tail = append(s.tail[:0], s.tail[1:]...)
	}
	s.tail = append(s.tail, l)
	return l
}

// printable is a line as a terminal would have shown it in the end, without what would move its cursor or change its
// colours: it is shown between lines of ours.
func printable(line string) string {
	line = strings.TrimRight(strings.ToValidUTF8(line, "\ufffd"), "\r")
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	unseen := func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }
	if strings.IndexFunc(line, unseen) < 0 {
		return line
	}
	var out strings.Builder
	for len(line) > 0 {
		if n := escape(line); n > 0 {
			line = line[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(line)
		if !unseen(r) {
			out.WriteRune(r)
		}
		line = line[size:]
	}
	return out.String()
}

// escape is the length of the control sequence that a line begins with (ECMA-48), 0 for none.
func escape(line string) int {
	if len(line) < 2 || line[0] != 0x1b {
		return 0
	}
	switch line[1] {
	case '[': // parameters, then one byte from @ to ~
		for i := 2; i < len(line); i++ {
			if line[i] >= '@' && line[i] <= '~' {
				return i + 1
			}
		}
		return len(line)
	case ']': // up to BEL or ESC \
		for i := 2; i < len(line); i++ {
			if line[i] == 0x07 {
				return i + 1
			}
			if line[i] == 0x1b && i+1 < len(line) && line[i+1] == '\\' {
				return i + 2
			}
		}
		return len(line)
	}
	return 2
}
