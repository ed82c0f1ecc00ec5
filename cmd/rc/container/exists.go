package container

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
)

type existsOptions struct{ Name string }

func newExistsCommand(a *cli.App, runF cli.RunFunc[existsOptions]) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exists [options] CONTAINER",
		Short: "Say by the exit code whether a container is there",
		Long: `Prints nothing. The exit code is 0 for a container that is there, in whatever state, 1 for
one that is not, 125 after an error.`,
		Example:           "rc container exists web || rc run -d --name web nginx",
		Args:              cli.Between(1, 1, "a container"),
		ValidArgsFunction: cli.CompleteContainers(a, 1, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &existsOptions{args[0]})
		},
	}
	cmd.Flags().BoolP("external", "e", false, "Accepted and without effect: rc's store has no other containers")
	return cmd
}

func containerExists(_ context.Context, a *cli.App, opts *existsOptions) error {
	_, err := container.Records(a.Config).FindID(opts.Name)
	if errors.Is(err, errs.ErrNotFound) {
		return errs.Exit(1)
	}
	return err
}
