package oci

import (
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/wire"
)

// The first byte of a message says what it is; doc.go has the order of events.
const (
	msgOrder byte = 'o' // parent: the order, in a sealed memfd
	msgGo    byte = 'g' // parent: execute
	msgHooks byte = 'h' // child: everything is mounted; parent: its hooks have been run
	msgOwn   byte = 'u' // child: give the attached tree to this user and group; parent: done, or 'e'
	msgReady byte = 'r' // child: set up; the terminal's master is attached
	msgExec  byte = 'x' // child: the next thing is execve
	msgError byte = 'e' // child: failure follows
)

// maxMessage limits one message. Only an error's text has a length worth limiting.
const maxMessage = 16 << 10

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

func (f *failure) fields(c *wire.Coder) {
	c.Text(&f.text)
	c.Text(&f.hint)
	wire.Number(c, &f.code)
	wire.Number(c, &f.kind)
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
	c := wire.NewWriter([]byte{msgError})
	f.fields(c)
	return c.Bytes()
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
	c := wire.NewReader(data)
	f.fields(c)
	if err := c.Err(); err != nil {
		return fmt.Errorf("start container: child's error: %w", err)
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
