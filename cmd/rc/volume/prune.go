package volume

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/system"
)

type pruneOptions struct {
	system.PruneOptions
	Force bool
}

func newPruneCommand(a *cli.App, runF cli.RunFunc[pruneOptions]) *cobra.Command {
	opts := &pruneOptions{PruneOptions: system.PruneOptions{Volumes: true}}
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Remove all volumes that no container has",
		Long: `Removes all volumes that no container has, those with a name among them. It asks
before, and prints the names of what it has removed and how much disk that frees.`,
		Example: `rc volume prune
rc volume prune --force --filter anonymous=true
rc volume prune --filter label!=keep`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := volumes.ParseFilters(a.Config, volumes.PruneFilterKeys(), opts.VolumeFilters); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.VolumeFilters, "filter", "", "Only volumes that match KEY=VALUE: "+strings.Join(volumes.PruneFilterKeys(), ", "))
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	flags.BoolP("all", "a", false, "Accepted and without effect: docker's word for those with a name, too")
	cli.CompleteFilter(a, cmd, cli.Volumes, volumes.PruneFilterKeys())
	return cmd
}

func pruneVolumes(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	return cli.PruneAndPrint(ctx, a, "volume prune", "This will remove all volumes not used by at least one container.", opts.Force, opts.PruneOptions, func(p *system.Pruned) []string {
		return p.Volumes
	})
}
