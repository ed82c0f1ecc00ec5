package volume

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
)

type lsOptions struct {
	Filters          []string
	Format           string
	Quiet, NoHeading bool
}

func lsFormat(noHeading bool) format.Options {
	return format.Options{Table: `{{.Driver}}\t{{.Name}}`, Headings: map[string]string{"Name": "VOLUME NAME"}, NoHeading: noHeading}
}

func newLsCommand(a *cli.App, runF cli.RunFunc[lsOptions]) *cobra.Command {
	opts := &lsOptions{}
	cmd := &cobra.Command{
		Use:     "ls [options]",
		Aliases: []string{"list"},
		Short:   "List volumes",
		Long: `Lists all volumes. Of filters with one key any has to match, but of labels all; of
different keys all.`,
		Example: `rc volume ls
rc volume ls --filter dangling=true --quiet
rc volume ls --format '{{.Name}} {{.Mountpoint}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.Quiet && opts.Format != "" {
				return errs.WithHint(errs.Invalidf("volume ls: --quiet together with --format"), cmd.CommandPath()+" --help")
			}
			if err := format.Check(opts.Format, volumes.Inspection{}, lsFormat(opts.NoHeading)); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "f", "Only volumes that match KEY=VALUE: "+strings.Join(volumes.FilterKeys(), ", "))
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print names only")
	flags.BoolVarP(&opts.NoHeading, "noheading", "n", false, "Leave the headings out")
	cli.CompleteFormat(cmd, volumes.Inspection{})
	cli.CompleteFilter(a, cmd, cli.Volumes, volumes.FilterKeys())
	return cmd
}

func listVolumes(_ context.Context, a *cli.App, opts *lsOptions) error {
	filters, err := volumes.ParseFilters(a.Config, volumes.FilterKeys(), opts.Filters)
	if err != nil {
		return err
	}
	users := filters.NeedUsers() || format.IsJSON(opts.Format) || strings.Contains(opts.Format, "MountCount")
	entries, broken := volumes.List(a.Config, filters, users)
	for _, err := range broken {
		a.Warn(err)
	}
	if opts.Quiet {
		for _, e := range entries {
			fmt.Fprintln(a.Stdout, e.Name)
		}
		return nil
	}
	return format.Print(a.Stdout, opts.Format, volumes.Inspections(entries), lsFormat(opts.NoHeading))
}
