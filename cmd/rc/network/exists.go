package network

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
)

type existsOptions struct{ Name string }

func newExistsCommand(a *cli.App, runF cli.RunFunc[existsOptions]) *cobra.Command {
	return &cobra.Command{
		Use:   "exists NETWORK",
		Short: "Say by the exit code whether a network is there",
		Long: `Prints nothing. The exit code is 0 for a network that is there, 1 for one that is not,
125 after an error.`,
		Example:           "rc network exists web || rc network create web",
		Args:              cli.Between(1, 1, "a network"),
		ValidArgsFunction: cli.CompleteNetworks(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &existsOptions{args[0]})
		},
	}
}

func exists(_ context.Context, a *cli.App, opts *existsOptions) error {
	s, err := store(a)
	if err != nil {
		return err
	}
	if _, err = s.Find(opts.Name); errors.Is(err, errs.ErrNotFound) {
		return errs.Exit(1)
	}
	return err
}
