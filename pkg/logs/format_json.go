package logs

import (
	"time"
	"unicode/utf8"
)

// jsonFormat is docker's json-file. As there, bytes that are no UTF-8 become U+FFFD.
type jsonFormat struct {
	tag  string
	tail [2][]byte // what follows the text, of either stream

	parsed timeCache
	text   []byte // of the record that was parsed last
}

func (f *jsonFormat) stamp(now time.Time) {
	for i, name := range []string{"stdout", "stderr"} {
		t := append(f.tail[i][:0], `","stream":"`...)
		t = append(append(t, name...), '"')
		if f.tag != "" {
			t = append(t, `,"attrs":{"tag":"`...)
			t = append(appendEscaped(t, []byte(f.tag)), `"}`...)
		}
		t = append(t, `,"time":"`...)
		t = now.UTC().AppendFormat(t, time.RFC3339Nano)
		f.tail[i] = append(t, "\"}\n"...)
	}
}

const jsonHead = `{"log":"`

func (f *jsonFormat) append(dst []byte, stream int, text []byte, partial bool) []byte {
	dst = append(dst, jsonHead...)
	dst = appendEscaped(dst, text)
	if !partial {
		dst = append(dst, `\n`...)
	}
	return append(dst, f.tail[stream-1]...)
}

// appendEscaped adds the inside of a JSON string.
func appendEscaped(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, text[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, `\ufffd`...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&0xf])
		}
		i += size
		start = i
	}
	return append(dst, text[start:]...)
}

func (f *jsonFormat) begins(torn []byte) bool { return shaped(torn, jsonHead) }
