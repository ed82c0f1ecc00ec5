package build

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type pruneOptions struct {
	steps.PruneOptions
	Force, Verbose bool
}

func newPruneCommand(a *cli.App, runF cli.RunFunc[pruneOptions]) *cobra.Command {
	opts := &pruneOptions{}
	var filters []string
	var keep string
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Delete what is kept of builds",
		Long: `Deletes the build cache, or what --filter names of it: finished steps, directories of RUN --mount=type=cache and
remembered digests of files. What a running build uses stays, and so do, without --all, steps whose layer an image has:
deleting them would free nothing. It asks before, and prints how much disk that frees.`,
		Example: `rc builder prune
rc builder prune --all --force
rc builder prune --force --filter until=168h --reserved-space 10g`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := parseFilters(filters, time.Now())
			if err != nil {
				return err
			}
			chosen.All = opts.All
			if keep != "" {
				if chosen.Keep, err = parse.Size(keep); err != nil {
					return fmt.Errorf("--reserved-space %w", err)
				}
			}
			opts.PruneOptions = chosen
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Delete steps, too, whose layer an image has")
	cli.ListVar(flags, &filters, "filter", "", "Only what matches KEY=VALUE: until (not used for so long), id, type, description")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	flags.StringVar(&keep, "reserved-space", "", "Leave so many bytes, of what was used last")
	flags.StringVar(&keep, "keep-storage", "", "Leave so many bytes, of what was used last")
	flags.BoolVar(&opts.Verbose, "verbose", false, "Print the ids of what is deleted")
	flags.StringVar(&keep, "max-used-space", "", "Leave so many bytes, of what was used last")
	cli.Must(flags.MarkHidden("keep-storage"))   // docker's older name
	cli.Must(flags.MarkHidden("max-used-space")) // the same where there is no running builder that collects by itself
	addNoOps(flags, builderNoOp())
	cli.Must(cmd.RegisterFlagCompletionFunc("reserved-space", cobra.NoFileCompletions))
	completeFilters(cmd)
	return cmd
}

func prune(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	if !opts.Force {
		warning := "This command removes the build cache that no image has."
		if opts.All {
			warning = "This command removes the whole build cache."
		}
		if yes, err := cli.Confirm(a, "builder prune", warning); err != nil || !yes {
			return err
		}
	}
	pruned, err := image.PruneBuildCache(ctx, a.Config, opts.PruneOptions)
	if opts.Verbose {
		for _, id := range pruned.IDs {
			fmt.Fprintln(a.Stdout, id)
		}
	}
	if err == nil {
		fmt.Fprintln(a.Stdout, "Total reclaimed space:", format.Size(pruned.Freed))
	}
	return err
}
