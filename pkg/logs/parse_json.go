package logs

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

func (f *jsonFormat) parse(record []byte) (Line, bool) {
	if l, ok := f.parseOwn(record); ok {
		return l, true
	}
	if len(record) == 0 || record[0] != '{' {
		return Line{}, false // the most common kind of nonsense, at no cost
	}
	var r struct {
		Log    *string   `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
	}
	if json.Unmarshal(record, &r) != nil || r.Log == nil {
		return Line{}, false
	}
	l := textLine([]byte(*r.Log))
	l.Time, l.Stream = r.Time, streamOf([]byte(r.Stream))
	return l, l.Stream != 0
}

// textLine takes the newline off.
func textLine(text []byte) Line {
	whole, found := bytes.CutSuffix(text, newline)
	return Line{Text: whole, Partial: !found}
}

// parseOwn knows what docker and rc write, which encoding/json takes thirty times as long for: a
// follower has to be as fast as the writer.
func (f *jsonFormat) parseOwn(record []byte) (Line, bool) {
	rest, ok := bytes.CutPrefix(record, []byte(jsonHead))
	if !ok {
		return Line{}, false
	}
	l, rest, ok := f.parseText(rest)
	if !ok {
		return Line{}, false
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`,"stream":"`))
	if !ok || len(rest) < 7 || rest[6] != '"' {
		return Line{}, false
	}
	l.Stream, rest = streamOf(rest[:6]), rest[7:]
	const stamp = `,"time":"`
	if bytes.HasPrefix(rest, []byte(`,"attrs":{`)) {
		// No string within has this, since its quotes would be escaped.
		if i := bytes.LastIndex(rest, []byte(stamp)); i >= 0 {
			rest = rest[i:]
		}
	}
	rest, ok = bytes.CutPrefix(rest, []byte(stamp))
	if !ok || l.Stream == 0 {
		return Line{}, false
	}
	if rest, ok = bytes.CutSuffix(rest, []byte(`"}`)); !ok {
		return Line{}, false
	}
	l.Time, ok = f.parsed.parse(rest)
	return l, ok
}

// parseText reads a JSON string up to and with its closing quote.
func (f *jsonFormat) parseText(p []byte) (l Line, rest []byte, ok bool) {
	end := bytes.IndexByte(p, '"')
	if end < 0 {
		return Line{}, nil, false
	}
	switch i := bytes.IndexByte(p[:end], '\\'); {
	case i < 0:
		return Line{Text: p[:end], Partial: true}, p[end+1:], true
	case i == end-2 && p[i+1] == 'n':
		return Line{Text: p[:i]}, p[end+1:], true
	}
	text := f.text[:0]
	for {
		i := bytes.IndexAny(p, `"\`)
		if i < 0 {
			return Line{}, nil, false
		}
		text = append(text, p[:i]...)
		if p[i] == '"' {
			f.text = text
			return textLine(text), p[i+1:], true
		}
		if text, p, ok = appendUnescaped(text, p[i+1:]); !ok {
			return Line{}, nil, false
		}
	}
}

// appendUnescaped adds what an escape stands for, whose backslash is read. Surrogates are left
// to encoding/json.
func appendUnescaped(dst, p []byte) (text, rest []byte, ok bool) {
	if len(p) == 0 {
		return nil, nil, false
	}
	const names, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := bytes.IndexByte([]byte(names), p[0]); i >= 0 {
		return append(dst, values[i]), p[1:], true
	}
	if p[0] != 'u' || len(p) < 5 {
		return nil, nil, false
	}
	n, err := strconv.ParseUint(string(p[1:5]), 16, 16)
	if err != nil || n >= 0xd800 && n < 0xe000 {
		return nil, nil, false
	}
	return utf8.AppendRune(dst, rune(n)), p[5:], true
}
