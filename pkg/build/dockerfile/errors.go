package dockerfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Error says what is wrong with a Dockerfile, and where.
type Error struct {
	Name   string // of the file
	Lines  [2]int // first and last, from 1; 0 where the file as a whole is meant
	Column int    // in characters, from 1; 0 where nobody knows
	Text   string // of the line
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Name)
	if e.Lines[0] > 0 {
		fmt.Fprintf(&b, ":%d", e.Lines[0])
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	fmt.Fprintf(&b, ": %s", e.Err)
	if e.Text != "" {
		fmt.Fprintf(&b, ", in %q", e.Text)
	}
	return b.String()
}

// Unwrap gives the cause, and its kind: what a Dockerfile asks for wrongly is ErrInvalid.
func (e *Error) Unwrap() []error {
	if errors.Is(e.Err, errs.ErrUnsupported) {
		return []error{e.Err}
	}
	return []error{e.Err, errs.ErrInvalid}
}

// located makes an *Error of what BuildKit's parser returns.
func (f *File) located(err error) error {
	if _, done := errors.AsType[*Error](err); err == nil || done {
		return err
	}
	var at [2]int
	if l, ok := errors.AsType[*parser.LocationError](err); ok && len(l.Locations) > 0 {
		at = lines(l.Locations[0])
	}
	return f.at(err, at)
}

// parsePrefix is in front of what instructions.Parse says.
var parsePrefix = regexp.MustCompile(`^dockerfile parse error on line \d+: `)

// at makes an *Error of err at lines of the file.
func (f *File) at(err error, lines [2]int) error {
	if _, done := errors.AsType[*Error](err); done {
		return err
	}
	if text := err.Error(); parsePrefix.MatchString(text) {
		err = &reworded{err, parsePrefix.ReplaceAllString(text, "")}
	}
	err = nearest(err)
	e := &Error{Name: f.name, Lines: lines, Err: err}
	if lines[0] < 1 || lines[0] > len(f.text) {
		e.Lines = [2]int{}
		return e
	}
	words := culprits(err)
	e.Text = f.text[lines[0]-1]
search:
	for _, word := range words {
		for n := lines[0]; n <= lines[1] && n <= len(f.text); n++ {
			if i := strings.Index(f.text[n-1], word); i >= 0 {
				e.Lines[0], e.Column, e.Text = n, utf8.RuneCountInString(f.text[n-1][:i])+1, f.text[n-1]
				break search
			}
		}
	}
	const most = 100 // characters, of a line that is to help and not to fill the terminal
	if e.Text = strings.TrimSpace(strings.TrimPrefix(e.Text, "\ufeff")); utf8.RuneCountInString(e.Text) > most {
		e.Text = string([]rune(e.Text)[:most]) + "…"
	}
	return e
}

// reworded is an error with another text.
type reworded struct {
	error
	text string
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.error }

// mention finds words of the Dockerfile in messages of BuildKit's parser: quoted ones, and flags.
var mention = regexp.MustCompile(`"((?:[^"\\]|\\.)+)"|'([^']+)'|(?:flag[^:]*: )(--[^\s=,]+)|: (\S+)$`)

// culprits are the words that err complains of, the likeliest first.
func culprits(err error) []string {
	if u, ok := errors.AsType[*instructions.UnknownInstructionError](err); ok {
		return []string{u.Instruction}
	}
	var words []string
	for _, m := range mention.FindAllStringSubmatch(err.Error(), -1) {
		for _, word := range m[1:] {
			if word != "" {
				words = append(words, word)
			}
		}
	}
	return words
}

// choices are words that BuildKit refuses without naming those that it takes.
var choices = []struct {
	message *regexp.Regexp
	words   []string
}{
	{regexp.MustCompile(`^invalid network mode "(.*)"$`), []string{"default", "none", "host"}},
	{regexp.MustCompile(`^security "(.*)" is not valid$`), []string{"sandbox", "insecure"}},
	{regexp.MustCompile(`^Unknown type "(.*)" in HEALTHCHECK \(try CMD\)$`), []string{"CMD", "NONE"}},
}

// nearest adds what would be accepted to a message that does not say it.
func nearest(err error) error {
	text := err.Error()
	for _, c := range choices {
		if m := c.message.FindStringSubmatch(text); m != nil {
			if near := spec.Nearest(m[1], c.words); near != "" {
				return fmt.Errorf("%w (did you mean %s?)", err, near)
			}
			return fmt.Errorf("%w: want %s", err, strings.Join(c.words, ", "))
		}
	}
	return err
}

// meant is the end of a message about word: the nearest of what would be accepted.
func meant(word string, candidates []string) string {
	if near := spec.Nearest(word, candidates); near != "" {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}

// lines are the first and the last line of what BuildKit's parser locates.
func lines(ranges []parser.Range) [2]int {
	if len(ranges) == 0 {
		return [2]int{}
	}
	first, last := ranges[0].Start.Line, ranges[0].End.Line
	for _, r := range ranges {
		first, last = min(first, r.Start.Line), max(last, r.End.Line)
	}
	return [2]int{first, last}
}
