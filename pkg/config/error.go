package config

import (
	"fmt"

	"github.com/rc-containers/rc/pkg/errs"
)

// refusal is a setting that cannot be used; its text says all, so that the kind need not
// be repeated in it.
type refusal struct {
	text string
	kind error
}

func (r *refusal) Error() string { return r.text }

// Is makes it one of errs' kinds.
func (r *refusal) Is(target error) bool { return target == r.kind }

func invalid(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), errs.ErrInvalid}
}

func unsupported(format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), errs.ErrUnsupported}
}
