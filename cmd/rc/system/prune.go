package system

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/system"
)

type pruneOptions struct {
	system.PruneOptions
	Force bool
}

func newPruneCommand(a *cli.App, runF cli.RunFunc[pruneOptions]) *cobra.Command {
	opts := &pruneOptions{PruneOptions: system.PruneOptions{Containers: true, Images: true, Builds: true}}
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Remove containers that do not run, images that nobody needs and the build cache",
		Long: `Removes containers that do not run, images that have no name and are no other's
base, and the build cache, but for what images have in common with it; with --all,
every image that no container is made from, and all of the build cache; with
--volumes, the volumes too that no container has then. It asks before, and prints
the ids of what it has removed and how much disk that frees.`,
		Example: `rc system prune
rc system prune --all --force
rc system prune --filter until=24h --filter label!=keep`,
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
	flags.BoolVarP(&opts.AllImages, "all", "a", false, "Remove every image that no container is made from, and all of the build cache")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	cli.ListVar(flags, &opts.Filters, "filter", "", "Only what matches KEY=VALUE: label, label!, until")
	flags.BoolVar(&opts.Volumes, "volumes", false, "Remove volumes that no container has, too")
	flags.Bool("build", false, "Accepted and without effect: the build cache goes in any case")
	cli.CompleteFilter(a, cmd, cli.Anything, system.PruneFilterKeys())
	return cmd
}

func (o *pruneOptions) warning() string {
	images, builds := "all dangling images", "all build cache that no image has"
	if o.AllImages {
		images, builds = "all images without at least one container associated with them", "all build cache"
	}
	volumes := ""
	if o.Volumes {
		volumes = "\n\t- all volumes not used by at least one container"
	}
	return "This command removes:\n\t- all stopped containers" + volumes + "\n\t- " + images + "\n\t- " + builds + "\n"
}

func pruneSystem(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	pruned, err := cli.Prune(ctx, a, "system prune", opts.warning(), opts.Force, opts.PruneOptions)
	if pruned == nil {
		return err
	}
	for _, part := range []struct {
		title string
		ids   []string
	}{{"Deleted Containers", pruned.Containers}, {"Deleted Volumes", pruned.Volumes}, {"Deleted Images", pruned.Images}, {"Deleted build cache objects", pruned.Builds}} {
		if len(part.ids) == 0 {
			continue
		}
		fmt.Fprintln(a.Stdout, part.title)
		for _, id := range part.ids {
			fmt.Fprintln(a.Stdout, id)
		}
	}
	fmt.Fprintln(a.Stdout, "Total reclaimed space:", format.Size(pruned.Reclaimed))
	return err
}
