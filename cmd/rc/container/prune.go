package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/system"
)

type pruneOptions struct {
	system.PruneOptions
	Force bool
}

func newPruneCommand(a *cli.App, runF cli.RunFunc[pruneOptions]) *cobra.Command {
	opts := &pruneOptions{PruneOptions: system.PruneOptions{Containers: true}}
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Remove all containers that do not run",
		Long: `Removes all containers that do not run, those that never ran among them. It asks
before, and prints the ids of what it has removed and how much disk that frees.`,
		Example: `rc container prune
rc container prune --force --filter until=24h`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := system.CheckPrune(opts.Filters); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "", "Only containers that match KEY=VALUE: label, label!, until")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	cli.CompleteFilter(a, cmd, cli.Containers, system.PruneFilterKeys())
	return cmd
}

func pruneContainers(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	return cli.PruneAndPrint(ctx, a, "container prune", "This will remove all non running containers.", opts.Force, opts.PruneOptions, func(p *system.Pruned) []string {
		return p.Containers
	})
}
