package unitfile

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/rc-containers/rc/pkg/errs"
)

// space is systemd's white space.
const space = " \t\n\r"

// Parse reads a file's text; path is for what is said about it. An error is errs.ErrInvalid and
// names the first line that is wrong.
func Parse(path string, data []byte) (*File, error) {
	if bytes.Contains(data, []byte{0}) || !utf8.Valid(data) {
		return nil, errs.Invalidf("%s: not a text file in UTF-8", path)
	}
	p := parser{file: &File{}, path: path}
	text := strings.TrimPrefix(string(data), "\ufeff")
	for line := range strings.Lines(text) {
		p.number++
		if err := p.line(strings.TrimRight(line, space)); err != nil {
			return nil, err
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return p.file, nil
}

type parser struct {
	file    *File
	path    string
	number  int
	section *Section

	// Lines that end in a backslash, with the number of the first.
	pending   []byte
	continued bool
	first     int
}

// line takes a physical line without the white space at its end.
func (p *parser) line(line string) error {
	trimmed := strings.TrimLeft(line, space)
	if trimmed != "" && (trimmed[0] == '#' || trimmed[0] == ';') {
		return nil // also between the lines that one is continued on
	}
	if !p.continued {
		p.first = p.number
	}
	rest := trimmed
	p.continued = continues(trimmed)
	if p.continued {
		rest = trimmed[:len(trimmed)-1]
	}
	if n := len(p.pending); n > 0 && p.pending[n-1] != ' ' {
		p.pending = append(p.pending, ' ')
	}
	p.pending = append(p.pending, strings.ReplaceAll(rest, "\r", " ")...)
	if p.continued {
		return nil
	}
	return p.end()
}

// continues reports whether a line goes on in the next one: two backslashes at its end are an escaped one.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// end takes the logical line that is complete.
func (p *parser) end() error {
	line := strings.Trim(string(p.pending), space)
	p.pending, p.continued = p.pending[:0], false
	if line == "" {
		return nil
	}
	pos := Pos{p.path, p.first}
	if line[0] == '[' {
		name, ok := strings.CutSuffix(line[1:], "]")
		if !ok || name == "" || strings.ContainsAny(name, "[]") {
			return errs.Invalidf("%s: %q: want [SECTION]", pos, shorten(line))
		}
		p.section = p.file.ensure(name, pos)
		return nil
	}
	key, value, ok := strings.Cut(line, "=")
	key = strings.Trim(key, space)
	switch {
	case !ok || key == "":
		return errs.Invalidf("%s: %q: want KEY=VALUE, [SECTION], or a comment", pos, shorten(line))
	case p.section == nil:
		return errs.Invalidf("%s: %q comes before the first [SECTION]", pos, shorten(line))
	}
	p.section.Entries = append(p.section.Entries, Entry{key, strings.Trim(value, space), pos})
	return nil
}

// shorten is for quoting what may be very long.
func shorten(s string) string {
	const enough = 80
	if utf8.RuneCountInString(s) <= enough {
		return s
	}
	return string([]rune(s)[:enough]) + "…"
}
