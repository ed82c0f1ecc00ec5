package container

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
)

type reloadOptions struct{ selection.Selection }

// NetworkReloadVerb is rc network reload.
func NetworkReloadVerb(a *cli.App) cli.Verb {
	return cli.Verb{Name: "reload", Make: func() *cobra.Command { return newReloadCommand(a, reloadNetworks) }}
}

func newReloadCommand(a *cli.App, runF cli.RunFunc[reloadOptions]) *cobra.Command {
	opts := &reloadOptions{}
	cmd := &cobra.Command{
		Use:   "reload [options] CONTAINER [CONTAINER...]",
		Short: "Set the networks of containers up again",
		Long: `Looks at the interfaces, addresses, routes and the name server of containers that run on
bridge networks, makes what is missing of them, and prints what it was given. What
is there stays, and so do connections.`,
		Example: `rc network reload web
rc network reload --all`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Running),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Reload", "all containers that run on bridge networks")
	return cmd
}

func reloadNetworks(ctx context.Context, a *cli.App, opts *reloadOptions) error {
	targets, err := opts.Find("reload", records.Of(a.Config), selection.Alive)
	if err != nil {
		return err
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		err := networks.Reload(ctx, a.Config, t.ID)
		if opts.All && (errors.Is(err, errs.ErrUnsupported) || errors.Is(err, errs.ErrState)) {
			t.Said, err = "", nil // it is on no bridge network, or has just ended
		}
		return err
	}, errs.Code)
}
