package spec

import (
	"fmt"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// inputError is something a user typed that cannot be used: `"value": why`.
type inputError struct {
	value string
	cause string
	kind  error
}

func (e *inputError) Error() string {
	return fmt.Sprintf("%q: %s", e.value, e.cause)
}

// Is makes the error one of errs' kinds without repeating the kind in the text.
func (e *inputError) Is(target error) bool { return target == e.kind }

// invalid says that value cannot be understood, and what would be.
func invalid(value, format string, args ...any) error {
	return &inputError{value, fmt.Sprintf(format, args...), errs.ErrInvalid}
}

// unsupported says that value is understood and cannot be done.
func unsupported(value, format string, args ...any) error {
	return &inputError{value, fmt.Sprintf(format, args...), errs.ErrUnsupported}
}

// noNUL refuses what no system call can take.
func noNUL(value string) error {
	if strings.ContainsRune(value, 0) {
		return invalid(value, "a NUL byte cannot be part of it")
	}
	return nil
}
