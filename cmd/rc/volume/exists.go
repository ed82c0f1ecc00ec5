package volume

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
	opts := &existsOptions{}
	return &cobra.Command{
		Use:               "exists VOLUME",
		Short:             "Tell by the exit code whether a volume is there",
		Long:              `The exit code is 0 for a volume that is there, 1 for one that is not, 125 for an error.`,
		Example:           `rc volume exists data || rc volume create data`,
		Args:              cli.Between(1, 1, "a volume"),
		ValidArgsFunction: cli.CompleteVolumes(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Name = args[0]
			return runF(cmd.Context(), a, opts)
		},
	}
}

func volumeExists(_ context.Context, a *cli.App, opts *existsOptions) error {
	_, err := container.Volumes(a.Config).Find(opts.Name)
	if errors.Is(err, errs.ErrNotFound) {
		return errs.Exit(1)
	}
	return err
}
