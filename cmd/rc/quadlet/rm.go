package quadlet

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/quadlet/installed"
)

type rmOptions struct {
	installed.RemoveOptions
	Reload, ReloadAsked bool
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	cmd := &cobra.Command{
		Use:     "rm [options] QUADLET [QUADLET...]",
		Aliases: []string{"remove"},
		Short:   "Remove quadlets",
		Long: `Removes quadlets, with the units that are made of them, and prints their names. What was
installed together, from a directory or a file NAME.quadlets, is removed together, with all
of its files; .NAME.app names that too. One whose unit runs is removed with --force only,
which stops it. Volumes, networks and images stay.`,
		Example: `rc quadlet rm web.container
rc quadlet rm --force --ignore web.container db.container
rc quadlet rm --all`,
		Args:              cli.NamesOr(&opts.All, "a quadlet"),
		ValidArgsFunction: complete(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			opts.ReloadAsked = cmd.Flags().Changed("reload-systemd")
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Remove all quadlets in the user's own directory")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Stop units that run")
	flags.BoolVarP(&opts.Ignore, "ignore", "i", false, "One that is not there is no error")
	flags.BoolVar(&opts.Reload, "reload-systemd", true, "Have systemd read its units again")
	return cmd
}

func remove(ctx context.Context, a *cli.App, opts *rmOptions) error {
	m, end := manager(ctx)
	defer end()
	removed, err := installed.Remove(ctx, m, opts.RemoveOptions)
	for _, name := range removed {
		fmt.Fprintln(a.Stdout, name)
	}
	if opts.Reload && len(removed) > 0 {
		return errors.Join(err, reload(ctx, a, opts.ReloadAsked))
	}
	return err
}
