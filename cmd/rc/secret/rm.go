package secret

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
)

type rmOptions struct {
	Names       []string
	All, Ignore bool
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	cmd := &cobra.Command{
		Use:     "rm [options] SECRET [SECRET...]",
		Aliases: []string{"remove"},
		Short:   "Remove secrets",
		Long: `Removes secrets by name, id or the beginning of an id, and prints their ids. A container
that was made with a secret keeps it, and can be started again.`,
		Example: `rc secret rm db-password
rc secret rm --ignore db-password tls.key
rc secret rm --all`,
		ValidArgsFunction: cli.CompleteSecrets(a, 0),
		Args:              cli.NamesOr(&opts.All, "a secret"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Remove all secrets")
	flags.BoolVarP(&opts.Ignore, "ignore", "i", false, "Do not mind a secret that does not exist")
	return cmd
}

func remove(_ context.Context, a *cli.App, opts *rmOptions) error {
	names := opts.Names
	if opts.All {
		var err error
		if names, err = store(a).Names(); err != nil {
			return err
		}
	}
	var all error
	for _, name := range names {
		gone, err := store(a).Remove(name)
		switch {
		case errors.Is(err, errs.ErrNotFound) && (opts.Ignore || opts.All):
		case err != nil:
			all = errors.Join(all, err)
		default:
			emit(a.Config, "remove", gone)
			fmt.Fprintln(a.Stdout, gone.ID)
		}
	}
	return all
}
