package spec

import (
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// invalid says that value, which a user typed, cannot be understood, and what would be.
func invalid(value, format string, args ...any) error {
	return errs.Invalidf("%q: "+format, append([]any{value}, args...)...)
}

// unsupported says that value is understood and cannot be done.
func unsupported(value, format string, args ...any) error {
	return errs.Unsupportedf("%q: "+format, append([]any{value}, args...)...)
}

// noNUL refuses what no system call can take.
func noNUL(value string) error {
	if strings.ContainsRune(value, 0) {
		return invalid(value, "a NUL byte cannot be part of it")
	}
	return nil
}
