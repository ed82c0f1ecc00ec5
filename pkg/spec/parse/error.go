package parse

import (
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// Invalid says that value, which a user typed, cannot be understood, and what would be.
func Invalid(value, format string, args ...any) error {
	return errs.Invalidf("%q: "+format, append([]any{value}, args...)...)
}

// Unsupported says that value is understood and cannot be done.
func Unsupported(value, format string, args ...any) error {
	return errs.Unsupportedf("%q: "+format, append([]any{value}, args...)...)
}

// NoNUL refuses what no system call can take.
func NoNUL(value string) error {
	if strings.ContainsRune(value, 0) {
		return Invalid(value, "a NUL byte cannot be part of it")
	}
	return nil
}

// Path checks the destination of a mount.
func Path(value, destination string) (string, error) {
	if destination == "" {
		return "", Invalid(value, "the destination is empty")
	}
	if !strings.HasPrefix(destination, "/") {
		return "", Invalid(value, "destination %q is not an absolute path", destination)
	}
	clean := filepath.Clean(destination)
	if clean == "/" {
		return "", Invalid(value, "destination / would hide the whole image")
	}
	return clean, nil
}
