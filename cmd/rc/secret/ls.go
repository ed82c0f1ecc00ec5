package secret

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/spec"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/secret"
)

type lsOptions struct {
	Filters          []string
	Format           string
	NoHeading, Quiet bool
}

func filterKeys() []string { return []string{"id", "name"} }

// row is a line of the table, with podman's field names.
type row struct {
	ID        string
	Name      string
	Driver    string
	CreatedAt string // "2 weeks ago"
	UpdatedAt string

	labels map[string]string
}

// Labels are docker's: KEY=VALUE, with commas between them.
func (r row) Labels() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(r.labels)) {
		all = append(all, key+"="+r.labels[key])
	}
	return format.Plain(strings.Join(all, ","))
}

// Label is one label: {{.Label "org.example"}}.
func (r row) Label(name string) string { return format.Plain(r.labels[name]) }

func newLsCommand(a *cli.App, runF cli.RunFunc[lsOptions]) *cobra.Command {
	opts := &lsOptions{}
	cmd := &cobra.Command{
		Use:     "ls [options]",
		Aliases: []string{"list"},
		Short:   "List secrets",
		Long:    "Lists secrets, one line each, by name. What is in them is not shown.",
		Example: `rc secret ls
rc secret ls --filter name=db -q
rc secret ls --format '{{.Name}} {{.UpdatedAt}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "f", "Only secrets that match KEY=VALUE: id (or its beginning), name")
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.BoolVarP(&opts.NoHeading, "noheading", "n", false, "Leave the headings out")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print ids only")
	cli.CompleteFormat(cmd, row{})
	cli.CompleteFilter(a, cmd, cli.Secrets, filterKeys())
	return cmd
}

func list(_ context.Context, a *cli.App, opts *lsOptions) error {
	o := format.Options{
		Table: `{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}`, NoHeading: opts.NoHeading,
		Headings: map[string]string{"CreatedAt": "CREATED", "UpdatedAt": "UPDATED"},
	}
	if err := format.Check(opts.Format, row{}, o); err != nil {
		return err
	}
	match, err := parseFilters(opts.Filters)
	if err != nil {
		return err
	}
	secrets, broken := store(a).List()
	secrets = slices.DeleteFunc(secrets, func(s secret.Secret) bool { return !match(s) })
	if opts.Quiet && opts.Format == "" {
		for _, s := range secrets {
			fmt.Fprintln(a.Stdout, s.ID)
		}
		return broken
	}
	rows := []row{}
	now := time.Now()
	for _, s := range secrets {
		rows = append(rows, row{
			ID: s.ID, Name: s.Name, Driver: fileDriver, CreatedAt: format.Ago(s.Created, now), UpdatedAt: format.Ago(s.Updated, now), labels: s.Labels,
		})
	}
	if err := format.Print(a.Stdout, opts.Format, rows, o); err != nil {
		return err
	}
	return broken
}

// parseFilters reads --filter KEY=VALUE: of one key any must match, of different keys each.
func parseFilters(texts []string) (func(secret.Secret) bool, error) {
	byKey := map[string][]string{}
	for _, text := range texts {
		key, value, err := spec.SplitFilter(text, filterKeys())
		if err != nil {
			return nil, err
		}
		byKey[key] = append(byKey[key], value)
	}
	anyOf := func(key string, match func(value string) bool) bool {
		return len(byKey[key]) == 0 || slices.ContainsFunc(byKey[key], match)
	}
	return func(s secret.Secret) bool {
		return anyOf("name", func(v string) bool { return s.Name == v }) && anyOf("id", func(v string) bool { return strings.HasPrefix(s.ID, v) })
	}, nil
}
