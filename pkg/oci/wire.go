package oci

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
)

// The first byte of a message says what it is; doc.go has the order of events.
const (
	msgOrder byte = 'o' // parent: the order, in a sealed memfd
	msgGo    byte = 'g' // parent: execute
	msgReady byte = 'r' // child: set up; the terminal's master is attached
	msgExec  byte = 'x' // child: the next thing is execve
	msgError byte = 'e' // child: failure follows
)

// maxMessage limits one message. Only an error's text has a length worth limiting.
const maxMessage = 16 << 10

// errShort is a message that ends too early: both ends are the same binary, so it never
// happens but by a bug.
var errShort = errors.New("message is too short")

// coder reads or writes values in one order, so that encoding and decoding are the same
// list of fields. Integers are little-endian and fixed in size: encoding/json takes
// 0.3 ms for the same order in a fresh process, this some microseconds.
type coder struct {
	data    []byte
	reading bool
	err     error
}

// number codes any integer in eight bytes.
func number[T ~int | ~int32 | ~int64 | ~uint8 | ~uint32 | ~uint64](c *coder, v *T) {
	if !c.reading {
		c.data = binary.LittleEndian.AppendUint64(c.data, uint64(*v))
		return
	}
	if len(c.data) < 8 {
		c.fail()
		return
	}
	*v = T(binary.LittleEndian.Uint64(c.data))
	c.data = c.data[8:]
}

func (c *coder) flag(v *bool) {
	n := 0
	if *v {
		n = 1
	}
	number(c, &n)
	*v = n != 0
}

func (c *coder) text(v *string) {
	n := len(*v)
	number(c, &n)
	if !c.reading {
		c.data = append(c.data, *v...)
		return
	}
	if n < 0 || n > len(c.data) {
		c.fail()
		return
	}
	*v = string(c.data[:n])
	c.data = c.data[n:]
}

func (c *coder) bytes(v *[]byte) {
	s := string(*v)
	c.text(&s)
	if c.reading && s != "" {
		*v = []byte(s)
	}
}

// list codes a slice element by element; an empty one is nil afterwards.
func list[T any](c *coder, v *[]T, each func(*coder, *T)) {
	n := len(*v)
	number(c, &n)
	if c.reading {
		if n < 0 || n > len(c.data) {
			c.fail()
			return
		}
		*v = nil
		if n > 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		each(c, &(*v)[i])
	}
}

func (c *coder) fail() {
	c.err = errShort
	c.data = nil
}

// failure is an error on its way from the child to the parent: it keeps its exit code,
// hint and sentinel.
type failure struct {
	text string
	hint string
	code int
	kind int // index in kinds, plus one
}

// kinds are the sentinels that survive the way.
func kinds() []error {
	return []error{errs.ErrNotFound, errs.ErrInvalid, errs.ErrUnsupported, errs.ErrExists, errs.ErrInUse, errs.ErrState}
}

func (f *failure) fields(c *coder) {
	c.text(&f.text)
	c.text(&f.hint)
	number(c, &f.code)
	number(c, &f.kind)
}

// encodeFailure makes a whole message of err.
func encodeFailure(err error) []byte {
	f := failure{text: err.Error(), hint: errs.Hint(err), code: errs.Code(err)}
	const room = maxMessage / 4
	f.text, f.hint = f.text[:min(len(f.text), room)], f.hint[:min(len(f.hint), room)]
	for i, kind := range kinds() {
		if errors.Is(err, kind) {
			f.kind = i + 1
			break
		}
	}
	c := coder{data: []byte{msgError}}
	f.fields(&c)
	return c.data
}

// childError is what the child said, with the sentinel that errors.Is finds.
type childError struct {
	text string
	kind error
}

func (e childError) Error() string { return e.text }
func (e childError) Unwrap() error { return e.kind }

func decodeFailure(data []byte) error {
	var f failure
	c := coder{data: data, reading: true}
	f.fields(&c)
	if c.err != nil {
		return fmt.Errorf("start container: child's error: %w", c.err)
	}
	e := childError{text: f.text}
	if all := kinds(); f.kind > 0 && f.kind <= len(all) {
		e.kind = all[f.kind-1]
	}
	var err error = e
	if f.code != errs.CodeError {
		err = errs.WithCode(err, f.code)
	}
	if f.hint != "" {
		err = errs.WithHint(err, f.hint)
	}
	return err
}
