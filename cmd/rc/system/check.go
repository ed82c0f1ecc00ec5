package system

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/system"
)

func newCheckCommand(a *cli.App, runF cli.RunFunc[system.CheckOptions]) *cobra.Command {
	opts := &system.CheckOptions{}
	cmd := &cobra.Command{
		Use:   "check [options]",
		Short: "Find and mend what is wrong with records, images and what processes left",
		Long: `Looks at the records and names of containers, their runtime directories and cgroups,
the image index, every image with its layers, and what killed processes may have
left; prints a line for each thing that should not be so. What living processes
are in the middle of is none.

With --repair each is mended, or the line says why not: damaged images are removed
unless a container was made from them, and containers only with --force, where
their record cannot be read or their image is damaged.

The exit code is 0 if there is nothing (any more), 125 otherwise.`,
		Example: `rc system check
rc system check --quick --repair
rc system check --repair --force --max 1h`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case opts.Force && !opts.Repair:
				return errs.WithHint(errs.Invalidf("system check: --force without --repair"), "rc system check --repair --force")
			case opts.Max < 0:
				return errs.Invalidf("--max %s: want a duration of zero or more", opts.Max)
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Force, "force", "f", false, "With --repair, remove containers, too, that cannot be repaired or were made from damaged images")
	flags.DurationVarP(&opts.Max, "max", "m", 24*time.Hour, "Layers that no image has are remains of pulls when they are older")
	flags.BoolVarP(&opts.Quick, "quick", "q", false, "Do not read every file of every image")
	flags.BoolVarP(&opts.Repair, "repair", "r", false, "Mend what is found")
	return cmd
}

func checkSystem(ctx context.Context, a *cli.App, opts *system.CheckOptions) error {
	found, left := 0, 0
	err := system.Check(ctx, a.Config, *opts, func(f system.Finding) {
		found++
		line := f.Object + ": " + f.Problem
		switch {
		case f.Mended:
			line += " (" + cmp.Or(f.How, "mended") + ")"
		case f.Kept != "":
			line += " (not mended: " + f.Kept + ")"
		}
		if !f.Mended {
			left++
		}
		fmt.Fprintln(a.Stdout, format.Plain(line))
	})
	if opts.Repair {
		// What was removed lies in trash/.
		a.EmptyTrash(ctx)
	}
	switch {
	case err != nil:
		return fmt.Errorf("system check: %w", err)
	case left > 0 && opts.Repair:
		return fmt.Errorf("system check: %d of %d findings could not be mended", left, found)
	case left > 0:
		return errs.WithHint(fmt.Errorf("system check: %d findings", left), "rc system check --repair")
	}
	return nil
}
