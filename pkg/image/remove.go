package image

import (
	"context"
	"errors"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// Remove takes names from images and deletes those that have none left. One that cannot be
// removed does not keep the others from it: the error joins what went wrong.
func Remove(ctx context.Context, cfg *config.Config, o RemoveOptions) (Removed, error) {
	var answer RemoveAnswer
	if err := call(ctx, cfg, VerbRemove, o, &answer, Streams{}); err != nil {
		return Removed{}, err
	}
	tellRemoved(cfg, answer.Removed)
	var failures []error
	var hint string
	for _, f := range answer.Failures {
		err := f.Err()
		if errs.Hint(err) != "" {
			hint = errs.Hint(err)
		}
		failures = append(failures, err)
	}
	err := errors.Join(failures...)
	if hint != "" {
		err = errs.WithHint(err, hint)
	}
	return answer.Removed, err
}

// RemoveAnswer is what the worker says about a removal.
type RemoveAnswer struct {
	Removed  Removed    `json:"removed"`
	Failures []*Failure `json:"failures,omitempty"`
}
