package image

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/system"
)

type pruneOptions struct {
	system.PruneOptions
	Force bool
}

func newPruneCommand(a *cli.App, runF cli.RunFunc[pruneOptions]) *cobra.Command {
	opts, cache := &pruneOptions{PruneOptions: system.PruneOptions{Images: true}}, false
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Remove images that nobody needs",
		Long: `Removes images that have no name and are no other's base; with --all, every image
that no container is made from. It asks before, and prints the ids of what it has
removed and how much disk that frees.`,
		Example: `rc image prune
rc image prune --all --force --filter until=240h`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := system.CheckPrune(opts.Filters); err != nil {
				return err
			}
			if cache {
				opts.Builds, opts.BuildTypes = true, []string{steps.CacheDir}
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.AllImages, "all", "a", false, "Remove every image that no container is made from")
	cli.ListVar(flags, &opts.Filters, "filter", "", "Only images that match KEY=VALUE: label, label!, until")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	flags.BoolVar(&cache, "build-cache", false, "Remove the directories of RUN --mount=type=cache, too")
	flags.Bool("external", false, "Accepted and without effect: there are no containers of other programs")
	cli.CompleteFilter(a, cmd, cli.Images, system.PruneFilterKeys())
	return cmd
}

func pruneImages(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	warning := "This command removes all dangling images."
	if opts.AllImages {
		warning = "This command removes all images without at least one container associated with them."
	}
	return cli.PruneAndPrint(ctx, a, "image prune", warning, opts.Force, opts.PruneOptions, func(p *system.Pruned) []string {
		return append(p.Images, p.Builds...)
	})
}
