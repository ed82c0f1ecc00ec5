package build

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/spec"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
)

type duOptions struct {
	Filters []string
	Format  string
	Verbose bool
}

// row is a line of the table: docker's names.
type row struct {
	ID          string
	Type        string
	Description string
	Size        string
	CreatedAt   string
	LastUsedAt  string
	UsageCount  int
	InUse       bool
	Shared      bool
	Reclaimable bool
	Parents     string
}

func newDuCommand(a *cli.App, runF cli.RunFunc[duOptions]) *cobra.Command {
	opts := &duOptions{}
	cmd := &cobra.Command{
		Use:     "du [options]",
		Aliases: []string{"ls", "list"},
		Short:   "Show what is kept of builds",
		Long: `Lists the build cache: finished steps (regular), directories of RUN --mount=type=cache (exec.cachemount) and
remembered digests of files (source.local); what was used last comes first. The layer of a step that an image has,
too, is shared: deleting the step frees nothing before the image goes.`,
		Example: `rc builder du
rc builder du --verbose --filter type=exec.cachemount
rc builder du --format '{{.ID}} {{.Size}} {{.Description}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := parseFilters(opts.Filters, time.Now()); err != nil {
				return err
			}
			if err := format.Check(opts.Format, row{}, duTable()); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "f", "Only what matches KEY=VALUE: "+strings.Join(filterKeys(), ", "))
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	addNoOps(flags, builderNoOp())
	flags.BoolVarP(&opts.Verbose, "verbose", "v", false, "Show everything that is known of each")
	cli.CompleteFormat(cmd, row{})
	completeFilters(cmd)
	return cmd
}

func duTable() format.Options {
	return format.Options{
		Table:    `{{.ID}}\t{{.Reclaimable}}\t{{.Size}}\t{{.LastUsedAt}}\t{{.Description}}`,
		Headings: map[string]string{"LastUsedAt": "LAST ACCESSED"},
	}
}

func diskUsage(ctx context.Context, a *cli.App, opts *duOptions) error {
	filter, err := parseFilters(opts.Filters, time.Now())
	if err != nil {
		return err
	}
	all, err := image.BuildCache(ctx, a.Config)
	if err != nil {
		return err
	}
	entries := slices.DeleteFunc(slices.Clone(all), func(e steps.Entry) bool { return !filter.Matches(e) })
	rows := make([]row, 0, len(entries))
	for _, e := range entries {
		rows = append(rows, newRow(e, opts.Verbose))
	}
	if opts.Verbose && opts.Format == "" {
		return verbose(a, rows)
	}
	if err := format.Print(a.Stdout, opts.Format, rows, duTable()); err != nil || opts.Format != "" {
		return err
	}
	free := slices.DeleteFunc(slices.Clone(entries), func(e steps.Entry) bool { return e.InUse })
	fmt.Fprintf(a.Stdout, "Reclaimable:\t%s\nTotal:\t\t%s\n", format.Size(steps.Size(free)), format.Size(total(entries)))
	return nil
}

// total counts layers of images, too.
func total(entries []steps.Entry) int64 {
	all := slices.Clone(entries)
	for i := range all {
		all[i].Shared = false
	}
	return steps.Size(all)
}

func newRow(e steps.Entry, full bool) row {
	now := time.Now()
	r := row{
		ID: e.ID, Type: e.Type, Description: format.Plain(e.Text), Size: format.Size(e.Size), CreatedAt: format.Ago(e.Created, now),
		LastUsedAt: format.Ago(e.Used, now), UsageCount: e.Uses, InUse: e.InUse, Shared: e.Shared, Reclaimable: !e.InUse && !e.Shared,
		Parents: strings.Join(e.Parents, ","),
	}
	if !full {
		r.ID, r.Description = format.ShortID(e.ID), format.Ellipsis(r.Description, 60)
	}
	return r
}

// verbose prints a paragraph for each.
func verbose(a *cli.App, rows []row) error {
	for _, r := range rows {
		_, err := fmt.Fprintf(a.Stdout, "ID:\t\t%s\nType:\t\t%s\nDescription:\t%s\nParents:\t%s\nCreated at:\t%s\nLast used:\t%s\nUsage count:\t%d\nReclaimable:\t%t\nShared:\t\t%t\nIn use:\t\t%t\nSize:\t\t%s\n\n",
			r.ID, r.Type, r.Description, r.Parents, r.CreatedAt, r.LastUsedAt, r.UsageCount, r.Reclaimable, r.Shared, r.InUse, r.Size)
		if err != nil {
			return err
		}
	}
	return nil
}

func filterKeys() []string { return []string{"until", "unused-for", "id", "type", "description"} }

// parseFilters reads --filter KEY=VALUE: of one key any must match, of different keys each.
func parseFilters(texts []string, now time.Time) (o steps.PruneOptions, err error) {
	for _, text := range texts {
		key, value, err := spec.SplitFilter(text, filterKeys())
		if err != nil {
			return o, err
		}
		switch key {
		case "id":
			o.IDs = append(o.IDs, value)
		case "type":
			o.Types = append(o.Types, value)
		case "description":
			o.Texts = append(o.Texts, strings.TrimPrefix(value, "~"))
		default:
			age, err := time.ParseDuration(value)
			if err != nil || age < 0 {
				return o, errs.Invalidf("--filter %q: want a duration such as 24h", text)
			}
			o.Before = now.Add(-age)
		}
	}
	if err := o.Check(); err != nil {
		return o, fmt.Errorf("--filter: %w", err)
	}
	return o, nil
}

func completeFilters(cmd *cobra.Command) {
	cli.Must(cmd.RegisterFlagCompletionFunc("filter", cli.CompleteKeys(filterKeys(), func(key string) []string {
		switch key {
		case "type":
			return steps.Types()
		case "until", "unused-for":
			return []string{"24h", "168h"}
		}
		return nil
	})))
}
