package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

type initOptions struct{ selection.Selection }

// InitVerb is rc init and rc container init.
func InitVerb(a *cli.App) cli.Verb {
	return cli.Verb{Name: "init", Make: func() *cobra.Command { return newInitCommand(a, initContainers) }}
}

func newInitCommand(a *cli.App, runF cli.RunFunc[initOptions]) *cobra.Command {
	opts := &initOptions{}
	cmd := &cobra.Command{
		Use:   "init [options] CONTAINER [CONTAINER...]",
		Short: "Set containers up without running their commands",
		Long: `Mounts a container's root filesystem, connects its network and makes its first
process, which waits: rc start runs the command. Until then it can be looked at,
and what is wrong with its setting up shows.`,
		Example:           "rc init web",
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Stopped),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Set up", "all containers that wait for their first start")
	return cmd
}

func initContainers(ctx context.Context, a *cli.App, opts *initOptions) error {
	targets, err := opts.Find("init", records.Of(a.Config), func(e state.Entry) bool { return e.Status == state.Created })
	if err != nil {
		return err
	}
	streams := a.Streams()
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		return container.Init(ctx, a.Config, t.ID, streams)
	}, errs.Code)
}
