package listing

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/state"
)

type psOptions struct {
	All, Quiet, NoTrunc, Latest, NoHeading, Size, Namespaces bool
	Filters                                                  []string
	Format, Sort                                             string
	Last                                                     int
	Watch                                                    uint
}

func newPsCommand(a *cli.App, runF cli.RunFunc[psOptions]) *cobra.Command {
	opts := &psOptions{}
	cmd := &cobra.Command{
		Use:   "ps [options]",
		Short: "List containers",
		Long: `Lists the containers that run or wait for their restart, or all of them; one that is
paused is among all of them only. Nothing is locked and nothing waited for; a record
that cannot be read is a warning and hides no other container.

Filters: ` + strings.Join(records.FilterKeys(), ", ") + `.`,
		Example: `rc ps
rc ps --all --size
rc ps -a --filter status=exited --filter exited=1
rc ps --format '{{.Names}} {{.Status}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.check(cmd); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Show all containers, not only those that run")
	flags.StringArrayVarP(&opts.Filters, "filter", "f", nil, "Show what matches: KEY=VALUE")
	flags.StringVar(&opts.Format, "format", "", "table, json or a Go template")
	flags.IntVarP(&opts.Last, "last", "n", 0, "Show the n newest containers, in any state")
	flags.BoolVarP(&opts.Latest, "latest", "l", false, "Show the newest container, in any state")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show ids and commands in full")
	flags.BoolVar(&opts.NoHeading, "noheading", false, "Print no headings")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print ids only")
	flags.BoolVarP(&opts.Size, "size", "s", false, "Show how much each container has written, and its image's size")
	flags.StringVar(&opts.Sort, "sort", "", "Sort by "+strings.Join(records.SortKeys(), ", "))
	flags.UintVarP(&opts.Watch, "watch", "w", 0, "Show again every so many seconds")
	flags.Bool("external", false, "Accepted and without effect: rc's store has no other containers")
	flags.Bool("sync", false, "Accepted and without effect: what is shown is always the state of the moment")
	cli.AddRefusals(flags, []cli.Refusal{{Name: "pod", Short: "p", Why: "pods are not supported yet", Switch: true, Harmless: []string{"false"}}})
	flags.BoolVar(&opts.Namespaces, "ns", false, "Show the numbers of the containers' namespaces")
	flags.BoolVar(&opts.Namespaces, "namespace", false, "The same as --ns")
	cli.Must(flags.MarkHidden("namespace"))
	completePs(a, cmd)
	return cmd
}

func completePs(a *cli.App, cmd *cobra.Command) {
	cli.CompleteFormat(cmd, psRow{})
	cli.Must(cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(records.SortKeys(), cobra.ShellCompDirectiveNoFileComp)))
	cli.CompleteFilter(a, cmd, cli.Containers, records.FilterKeys())
}

// check refuses what makes no sense together, before anything is read.
func (o *psOptions) check(cmd *cobra.Command) error {
	invalid := func(text string, args ...any) error {
		return errs.WithHint(errs.Invalidf(text, args...), "rc ps --help")
	}
	switch {
	case cmd.Flags().Changed("last") && o.Latest:
		return invalid("--last %d: together with --latest", o.Last)
	case cmd.Flags().Changed("last") && o.Last < -1:
		return invalid("--last %d: want a number of containers", o.Last)
	case o.Quiet && o.Size:
		return invalid("--quiet: together with --size")
	case o.Namespaces && (o.Quiet || o.Size):
		return invalid("--ns: together with --quiet or --size")
	case o.Watch > 0 && o.Latest:
		return invalid("--watch %d: together with --latest", o.Watch)
	}
	if err := records.CheckSort(o.Sort); err != nil {
		return err
	}
	if err := format.Check(o.Format, psRow{}, format.Options{Table: psTable}); err != nil {
		return err
	}
	// What these show has to be measured.
	o.Size = o.Size || o.Sort == "size" || strings.Contains(o.Format, ".Size")
	if o.Latest {
		o.Last = 1
	}
	return nil
}

func printContainers(ctx context.Context, a *cli.App, opts *psOptions) error {
	if opts.Size && !a.InUserns {
		// Directories of containers can belong to subordinate ids.
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	if !a.InUserns {
		// What killed processes left shall not be shown; a failure is the next one's to report.
		_ = lifecycle.Sweep(ctx, a.Config)
	}
	if opts.Watch == 0 {
		return opts.print(a)
	}
	for {
		if format.Redraws(a.Stdout) {
			fmt.Fprint(a.Stdout, "\x1b[H\x1b[2J")
		}
		if err := opts.print(a); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(opts.Watch) * time.Second):
		}
	}
}

func (o *psOptions) print(a *cli.App) error {
	root := records.Of(a.Config)
	filters, err := records.ParseFilters(root, o.Filters)
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	size := func(e state.Entry) int64 {
		n, ok := sizes[e.ID]
		if !ok {
			var err error
			if n, err = records.WrittenSize(root, e.ID); err != nil {
				fmt.Fprintln(a.Stderr, "Warning: size of container", e.Name+":", err)
			}
			sizes[e.ID] = n
		}
		return n
	}
	entries, broken := records.List(root, records.ListOptions{
		All: o.All, Last: max(o.Last, 0), Filters: filters, Sort: o.Sort, Size: size,
	})
	for _, err := range broken {
		a.Warn(err)
	}
	now := time.Now()
	rows := make([]psRow, 0, len(entries))
	for _, e := range entries {
		row := psRow{e: e, now: now, full: o.NoTrunc}
		if o.Size {
			row.size = &psSize{RwSize: size(e), RootFsSize: size(e) + records.ImageSize(a.Config, e.ImageID)}
		}
		rows = append(rows, row)
	}
	if o.Quiet && o.Format == "" {
		return format.Print(a.Stdout, "{{.ID}}", rows, format.Options{})
	}
	table := psTable
	if o.Namespaces {
		table = psNamespaceTable
	}
	if o.Size {
		table += `\t{{.Size}}`
	}
	return format.Print(a.Stdout, o.Format, rows, format.Options{Table: table, Headings: psHeadings(), NoHeading: o.NoHeading})
}
