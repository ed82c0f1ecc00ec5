package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/errs"
)

type rmOptions struct {
	networks.RemoveOptions

	Names []string
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	var timeout cli.StopTimeout
	cmd := &cobra.Command{
		Use:     "rm [options] NETWORK [NETWORK...]",
		Aliases: []string{"remove"},
		Short:   "Remove networks",
		Long: `Removes networks by name, id or the beginning of an id, and prints what it was given. A
network that containers are made for is removed with --force only, which removes
them first.

The exit code is 1 if a network was not there, 2 if one is in use, 125 for another
error; the other networks are removed all the same.`,
		Example: `rc network rm web backend
rc network rm --force --time 2 web`,
		Args:              cli.AtLeast(1, "the network"),
		ValidArgsFunction: cli.CompleteNetworks(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			var err error
			if opts.Timeout, err = timeout.Value(cmd); err != nil {
				return err
			}
			opts.Force = opts.Force || opts.Timeout != nil
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.Force, "force", "f", false, "Remove the containers on it first; one that is not there is no error")
	timeout.Add(cmd, "; implies --force")
	return cmd
}

func remove(ctx context.Context, a *cli.App, opts *rmOptions) error {
	var failed []error
	for _, name := range opts.Names {
		_, err := networks.Remove(ctx, a.Config, name, opts.RemoveOptions)
		switch {
		case err == nil || errors.Is(err, errs.ErrNotFound) && opts.Force:
			fmt.Fprintln(a.Stdout, name)
		default:
			failed = append(failed, err)
		}
	}
	if opts.Force {
		a.EmptyTrash(ctx)
	}
	return cli.Last(a, failed, cli.RemovalCode)
}
