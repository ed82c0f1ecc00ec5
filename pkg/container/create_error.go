package container

import (
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
)

// refusal is what a user asked for and cannot have; its text says all, so that the kind
// need not be repeated in it.
type refusal struct {
	text string
	kind error
}

func (r *refusal) Error() string { return r.text }

// Is makes it one of errs' kinds.
func (r *refusal) Is(target error) bool { return target == r.kind }

// invalid says that what was asked for makes no sense.
func invalid(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), errs.ErrInvalid}
}

// unsupported says that it cannot be done.
func unsupported(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), errs.ErrUnsupported}
}
