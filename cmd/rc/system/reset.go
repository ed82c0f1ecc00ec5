package system

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/system"
)

type resetOptions struct{ Force bool }

func newResetCommand(a *cli.App, runF cli.RunFunc[resetOptions]) *cobra.Command {
	opts := &resetOptions{}
	cmd := &cobra.Command{
		Use:   "reset [options]",
		Short: "Remove all containers, volumes, images and secrets, and everything else that rc keeps",
		Long: `Stops and removes all containers, deletes all images and volumes, and then everything below the
data directory, also what belongs to subordinate ids, and the runtime directory. It
asks before. Settings, logins, and containers of another --root are left alone. A
directory that has something in it that rc did not make is refused.`,
		Example: `rc system reset
rc system reset --force --root /var/tmp/trial`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	return cmd
}

func resetSystem(ctx context.Context, a *cli.App, opts *resetOptions) error {
	if err := system.CheckReset(a.Config); err != nil {
		return err
	}
	if !opts.Force {
		warning := fmt.Sprintf("This will remove:\n\t- all containers\n\t- all volumes\n\t- all images\n\t- all secrets\n\t- the data directory: %q\n\t- the runtime directory: %q",
			a.Config.DataRoot, a.Config.RunRoot)
		if yes, err := cli.Confirm(a, "system reset", warning); err != nil || !yes {
			return err
		}
	}
	return system.Reset(ctx, a.Config)
}
