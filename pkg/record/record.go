// Package record writes and reads JSON objects field by field. It exists because encoding/json, in a
// process that has just started, takes 0.3 to 1 ms and some 100 KB for what it learns about a
// type: too much for what a shim writes at every start and keeps in memory for the container's
// life, and for what every call of rc reads. What it writes encoding/json reads, and the other way
// round; the tests of its users hold that.
package record

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Object is an object that is being written; the zero value is an empty one.
type Object struct{ data []byte }

// JSON is the object as it was written so far.
func (o *Object) JSON() []byte {
	if len(o.data) == 0 {
		return []byte("{}")
	}
	return append(slices.Clip(o.data), '}')
}

func (o *Object) key(key string) {
	sep := byte(',')
	if len(o.data) == 0 {
		sep = '{'
	}
	o.data = append(o.data, sep)
	o.data = append(appendText(o.data, key), ':')
}

// Text writes a string.
func (o *Object) Text(key, value string) {
	o.key(key)
	o.data = appendText(o.data, value)
}

// TextIfAny writes a string; one that is empty is left out.
func (o *Object) TextIfAny(key, value string) {
	if value != "" {
		o.Text(key, value)
	}
}

// Number writes a number; 0 is left out unless always is set.
func (o *Object) Number(key string, value int64, always bool) {
	if value != 0 || always {
		o.key(key)
		o.data = strconv.AppendInt(o.data, value, 10)
	}
}

// Flag writes true; false is left out.
func (o *Object) Flag(key string, value bool) {
	if value {
		o.key(key)
		o.data = append(o.data, "true"...)
	}
}

// Time writes a time as encoding/json does.
func (o *Object) Time(key string, value time.Time) {
	o.key(key)
	o.data = append(o.data, '"')
	o.data = value.AppendFormat(o.data, time.RFC3339Nano)
	o.data = append(o.data, '"')
}

// Object writes an object in the object.
func (o *Object) Object(key string, value *Object) {
	o.key(key)
	o.data = append(o.data, value.JSON()...)
}

// Raw writes what is JSON already.
func (o *Object) Raw(key string, json []byte) {
	o.key(key)
	o.data = append(o.data, json...)
}

// appendText quotes a string (RFC 8259, 7). What is not UTF-8 becomes the replacement
// character, as in encoding/json.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
