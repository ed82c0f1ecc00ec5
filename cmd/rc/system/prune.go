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
	opts := &pruneOptions{PruneOptions: system.PruneOptions{Containers: true, Images: true}}
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Remove containers that do not run, and images that nobody needs",
		Long: `Removes containers that do not run and images that have no name and are no other's
base; with --all, every image that no container is made from; with --volumes, the
volumes too that no container has then. It asks before, and
prints the ids of what it has removed and how much disk that frees.`,
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
	flags.BoolVarP(&opts.AllImages, "all", "a", false, "Remove every image that no container is made from")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	cli.ListVar(flags, &opts.Filters, "filter", "", "Only what matches KEY=VALUE: label, label!, until")
	flags.BoolVar(&opts.Volumes, "volumes", false, "Remove volumes that no container has, too")
	flags.Bool("build", false, "Accepted and without effect: there are no build containers")
	cli.CompleteFilter(a, cmd, cli.Anything, system.PruneFilterKeys())
	return cmd
}

func (o *pruneOptions) warning() string {
	images := "all dangling images"
	if o.AllImages {
		images = "all images without at least one container associated with them"
	}
	volumes := ""
	if o.Volumes {
		volumes = "\n\t- all volumes not used by at least one container"
	}
	return "This command removes:\n\t- all stopped containers" + volumes + "\n\t- " + images + "\n"
}

func pruneSystem(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	pruned, err := cli.Prune(ctx, a, "system prune", opts.warning(), opts.Force, opts.PruneOptions)
	if pruned == nil {
		return err
	}
	for _, part := range []struct {
		title string
		ids   []string
	}{{"Deleted Containers", pruned.Containers}, {"Deleted Volumes", pruned.Volumes}, {"Deleted Images", pruned.Images}} {
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
