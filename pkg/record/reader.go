package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Reader reads JSON value by value, each into what its caller knows it to be. The first error stays;
// values are zero from then on. As in encoding/json null is the zero value of anything.
type Reader struct {
	data  []byte
	at    int
	depth int
	err   error
}

// deepest is how deep values may be in each other: encoding/json's limit is 10,000.
const deepest = 1000

// Read reads one object, and nothing may follow it; field is called with each key, and reads the
// value by r, or leaves it.
func Read(data []byte, field func(r *Reader, key string)) error {
	r := &Reader{data: data}
	r.Object(func(key string) { field(r, key) })
	if r.space(); r.err == nil && r.at < len(r.data) {
		r.fail("nothing else")
	}
	return r.err
}

func (r *Reader) fail(want string) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: want %s", r.at, want)
		r.at = len(r.data)
	}
}

// space skips white space, and gives what follows; 0 at the end.
func (r *Reader) space() byte {
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// next takes one byte that is c, white space before it.
func (r *Reader) next(c byte) bool {
	if r.space() != c {
		return false
	}
	r.at++
	return true
}

// null takes null.
func (r *Reader) null() bool {
	if r.space() != 'n' || !bytes.HasPrefix(r.data[r.at:], []byte("null")) {
		return false
	}
	r.at += len("null")
	return true
}

// Object calls field with each key. A value that field does not read is skipped.
func (r *Reader) Object(field func(key string)) {
	r.list('{', '}', "an object", func() {
		key := r.text()
		if !r.next(':') {
			r.fail("a colon")
		}
		r.space()
		if at := r.at; r.err == nil {
			if field(key); r.at == at {
				r.Skip()
			}
		}
	})
}

// Array calls element for each of its elements, which has to read it.
func (r *Reader) Array(element func()) { r.list('[', ']', "an array", element) }

func (r *Reader) list(begin, end byte, what string, element func()) {
	if r.null() {
		return
	}
	if !r.next(begin) {
		r.fail(what)
		return
	}
	if r.depth++; r.depth > deepest {
		r.fail("values that are less deep in each other")
	}
	defer func() { r.depth-- }()
	if r.next(end) {
		return
	}
	for r.err == nil {
		element()
		if r.next(end) {
			return
		}
		if !r.next(',') {
			r.fail("a comma, or the end of " + what)
		}
	}
}

// Text reads a string.
func (r *Reader) Text() string {
	if r.null() {
		return ""
	}
	return r.text()
}

func (r *Reader) text() string {
	raw := r.quoted()
	if raw == nil {
		return ""
	}
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
		return string(plain)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		r.fail("a string that JSON knows")
	}
	return text
}

// quoted takes a string as it is, with its quotes.
func (r *Reader) quoted() []byte {
	if r.space() != '"' {
		r.fail("a string")
		return nil
	}
	for i := r.at + 1; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '\\':
			i++
		case c == '"':
			raw := r.data[r.at : i+1]
			r.at = i + 1
			return raw
		case c < ' ':
			r.fail("a string without control characters")
			return nil
		}
	}
	r.fail("the end of a string")
	return nil
}

// Texts reads an array of strings.
func (r *Reader) Texts() []string {
	if r.null() {
		return nil
	}
	list := []string{}
	r.Array(func() { list = append(list, r.Text()) })
	return list
}

// word takes a number, true, false or null as it is.
func (r *Reader) word() []byte {
	r.space()
	from := r.at
	for ; r.at < len(r.data); r.at++ {
		c := r.data[r.at]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' && c != '+' && c != '.' && c != 'E' {
			break
		}
	}
	return r.data[from:r.at]
}

// Flag reads true or false.
func (r *Reader) Flag() bool {
	switch string(r.word()) {
	case "true":
		return true
	case "false", "null":
	default:
		r.fail("true or false")
	}
	return false
}

// Number reads a number without fraction that fits into the type.
func Number[T ~int | ~int64 | ~uint | ~uint16 | ~uint32 | ~uint64](r *Reader) T {
	if r.null() {
		return 0
	}
	word := string(r.word())
	digits := word
	if len(digits) > 1 && digits[0] == '-' {
		digits = digits[1:]
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' || digits[0] == '0' && len(digits) > 1 {
		r.fail("a number")
		return 0
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil && int64(T(n)) == n && (n < 0) == (T(n) < 0) {
		return T(n)
	}
	if n, err := strconv.ParseUint(word, 10, 64); err == nil && uint64(T(n)) == n && T(n) > 0 {
		return T(n)
	}
	r.fail("a number that fits")
	return 0
}

// Time reads a time as encoding/json writes it.
func (r *Reader) Time() (t time.Time) {
	if r.null() {
		return t
	}
	if err := t.UnmarshalText([]byte(r.text())); err != nil {
		r.fail("a time")
	}
	return t
}

// Raw reads any value, and gives it as it is.
func (r *Reader) Raw() []byte {
	r.space()
	from := r.at
	r.Skip()
	return r.data[from:r.at]
}

// Decode reads a value by encoding/json: what is rare need not be known here.
func (r *Reader) Decode(v any) {
	raw := r.Raw()
	if r.err == nil {
		r.err = json.Unmarshal(raw, v)
	}
}

// Skip reads any value.
func (r *Reader) Skip() {
	switch r.space() {
	case '{':
		r.Object(func(string) {})
	case '[':
		r.Array(r.Skip)
	case '"':
		r.text()
	default:
		if from := r.at; !json.Valid(r.word()) {
			r.at = from
			r.fail("a value")
		}
	}
}
