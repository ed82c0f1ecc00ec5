package dockerfile

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
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

// at makes an *Error of err at lines of the file.
func (f *File) at(err error, lines [2]int) error {
	if _, done := errors.AsType[*Error](err); done {
		return err
	}
	written := ""
	if lines[0] > 0 && lines[0] <= len(f.text) {
		written = strings.TrimPrefix(f.text[lines[0]-1], "\ufeff")
	}
	err = reword(err, written)
	e := &Error{Name: f.name, Lines: lines, Err: err}
	if written == "" {
		e.Lines = [2]int{}
		return e
	}
	words := culprits(err)
	e.Text = written
search:
	for _, word := range words {
		for n := lines[0]; n <= lines[1] && n <= len(f.text); n++ {
			if column := find(f.text[n-1], word); column > 0 {
				e.Lines[0], e.Column, e.Text = n, column, f.text[n-1]
				break search
			}
		}
	}
	const most = 100 // characters, of a line that is to help and not to fill the terminal
	if e.Text = strings.TrimSpace(e.Text); utf8.RuneCountInString(e.Text) > most {
		e.Text = string([]rune(e.Text)[:most]) + "…"
	}
	return e
}

// find is the column of a word of a line, 0 where it is not there. A word of letters is not part of another.
func find(line, word string) int {
	letter := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	first, _ := utf8.DecodeRuneInString(word)
	last, _ := utf8.DecodeLastRuneInString(word)
	for from := 0; ; {
		i := strings.Index(line[from:], word)
		if i < 0 {
			return 0
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(line[:i])
		after, _ := utf8.DecodeRuneInString(line[i+len(word):])
		if part := letter(first) && letter(before) || letter(last) && letter(after); !part {
			return utf8.RuneCountInString(line[:i]) + 1
		}
		from = i + len(word)
	}
}

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
