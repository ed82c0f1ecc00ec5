package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/errs"
)

// Internal is a verb that a package has run in the default map (App.Reexecute), and that is for nobody else.
func Internal(a *App, name, short string, do func(context.Context) error) Verb {
	return Verb{Name: name, Make: func() *cobra.Command {
		return &cobra.Command{
			Use: name, Short: short, Hidden: true,
			Args: NoArguments,
			RunE: func(cmd *cobra.Command, _ []string) error {
				if !a.InUserns {
					return errs.Invalidf("%s: rc calls it by itself", name)
				}
				return do(cmd.Context())
			},
		}
	}}
}
