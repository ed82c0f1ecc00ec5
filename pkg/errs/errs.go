package errs

import (
	"errors"
	"fmt"
	"strings"
)

// Sentinels. Wrap them with %w; test for them with errors.Is.
var (
	// ErrNotFound says that a named image, container, file or user does not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists says that a name is taken.
	ErrExists = errors.New("already exists")
	// ErrInvalid says that what the user gave cannot be understood.
	ErrInvalid = errors.New("invalid")
	// ErrInUse says that something cannot go while something else needs it.
	ErrInUse = errors.New("in use")
	// ErrUnsupported says that this machine, or any rootless tool, cannot do it.
	ErrUnsupported = errors.New("not supported")
	// ErrState says that a container is not in the state that the verb needs.
	ErrState = errors.New("wrong state")
)

// Exit codes as docker run and podman-run(1) define them.
const (
	// CodeError is rc's own failure.
	CodeError = 125
	// CodeNotExecutable is a command that exists and cannot be executed.
	CodeNotExecutable = 126
	// CodeNotFound is a command that does not exist.
	CodeNotFound = 127
	// CodeSignal plus n is a command ended by signal n.
	CodeSignal = 128
)

// A coded error carries the exit code with which rc ends.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

// WithCode returns err with the exit code that main shall use for it; nil stays nil.
func WithCode(err error, code int) error {
	if err == nil {
		return nil
	}
	return coded{err, code}
}

// Code is the exit code for err: 0 for nil, an Exit's own, what WithCode gave it, else CodeError.
func Code(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[Exit](err); ok {
		return int(e)
	}
	if c, ok := errors.AsType[coded](err); ok {
		return c.code
	}
	return CodeError
}

// hinted is an error with a way out.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// WithHint returns err with a line that a user can paste or follow; nil stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// Hint is the outermost hint of err, or "".
func Hint(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.hint
	}
	return ""
}

// doctorCommand is what WithCheck ends a hint with.
const doctorCommand = "rc doctor "

// WithCheck is WithHint for what the machine lacks: the hint ends with the check of rc doctor that looks at it,
// so that it stays a command line where it is one. check is a name of package doctor's, a literal: a test
// looks for it.
func WithCheck(err error, hint, check string) error {
	if hint != "" {
		hint += "; "
	}
	return WithHint(err, hint+doctorCommand+check)
}

// PlainHint is Hint without the check, for rc doctor itself.
func PlainHint(err error) string {
	hint := Hint(err)
	before, check, found := cutLast(hint, doctorCommand)
	if !found || strings.ContainsAny(check, " ;") {
		return hint
	}
	return strings.TrimSuffix(before, "; ")
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Exit is the silent error of a command that ran and ended with a code other than
// zero: main exits with the code and prints nothing.
type Exit int

func (e Exit) Error() string { return "exit" }

// refusal is what a user asked for and cannot have. Its text says all, so that the kind
// need not be repeated in it.
type refusal struct {
	error
	kind error
}

func (r refusal) Unwrap() []error { return []error{r.error, r.kind} }

// Invalidf is an error of the kind ErrInvalid with the text of fmt.Errorf, and no more.
func Invalidf(format string, args ...any) error {
	return refusal{fmt.Errorf(format, args...), ErrInvalid}
}

// Unsupportedf is the same of the kind ErrUnsupported.
func Unsupportedf(format string, args ...any) error {
	return refusal{fmt.Errorf(format, args...), ErrUnsupported}
}
