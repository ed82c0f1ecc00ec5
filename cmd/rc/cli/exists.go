package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
)

// Exists is rc NOUN exists: it ends with code 1 where find says errs.ErrNotFound of a name.
// article is that of the noun, "a" or "an".
func Exists(article, noun, example string, complete Completion, find func(ctx context.Context, name string) error) *cobra.Command {
	what := article + " " + noun
	return &cobra.Command{
		Use:   "exists " + strings.ToUpper(noun[strings.LastIndex(noun, " ")+1:]),
		Short: "Say by the exit code whether " + what + " is there",
		Long: "Prints nothing. The exit code is 0 for " + what + ` that is there, 1 for one that is not,
125 after an error.`,
		Example:           example,
		Args:              Between(1, 1, what),
		ValidArgsFunction: complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := find(cmd.Context(), args[0])
			if errors.Is(err, errs.ErrNotFound) {
				return errs.Exit(1)
			}
			return err
		},
	}
}
