package system

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/system"
)

type migrateOptions struct{}

func newMigrateCommand(a *cli.App, runF cli.RunFunc[migrateOptions]) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate [options]",
		Short: "Fit containers and images to subordinate ids that have changed",
		Long: `Stops containers that run with other subordinate ids than /etc/subuid and
/etc/subgid have now, and gives the files of images and containers their new owners
where the ids have moved. The old range has to be there still, behind the new one:

    1. put the new range before the old one in /etc/subuid and /etc/subgid
    2. rc system migrate
    3. take the old range out

A range that has only grown needs nothing but containers started again.`,
		Example:           `rc system migrate`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, &migrateOptions{})
		},
	}
	cmd.Flags().String("new-runtime", "", "Accepted and without effect: there is one runtime, rc's own")
	return cmd
}

func migrateSystem(ctx context.Context, a *cli.App, _ *migrateOptions) error {
	return system.Migrate(ctx, a.Config, func(text string) { fmt.Fprintln(a.Stdout, text) })
}
