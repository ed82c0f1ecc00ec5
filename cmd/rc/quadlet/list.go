package quadlet

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/quadlet/installed"
	"github.com/rc-containers/rc/pkg/systemd"
)

type listOptions struct {
	Filters   []string
	Format    string
	NoHeading bool
}

func listFormat(noHeading bool) format.Options {
	return format.Options{
		Table:     `{{.Name}}\t{{.UnitName}}\t{{.Path}}\t{{.Status}}\t{{.App}}`,
		Headings:  map[string]string{"UnitName": "UNIT NAME", "Path": "PATH ON DISK", "App": "APPLICATION"},
		NoHeading: noHeading,
	}
}

func filterKeys() []string { return []string{"name", "status"} }

func newListCommand(a *cli.App, runF cli.RunFunc[listOptions]) *cobra.Command {
	opts := &listOptions{}
	cmd := &cobra.Command{
		Use:     "list [options]",
		Aliases: []string{"ls"},
		Short:   "List quadlets",
		Long: `Lists the quadlets of the user: those of this boot ($XDG_RUNTIME_DIR/containers/systemd), his own
(~/.config/containers/systemd) and what the administrator and the distribution give to all
(/etc/containers/systemd/users, /usr/share/containers/systemd/users), with the state of
their units. The value of a filter is a regular expression; of filters with one key any has
to match, of different keys all.`,
		Example: `rc quadlet list
rc quadlet list --filter name=web
rc quadlet list --format '{{.UnitName}} {{.Status}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.Check(opts.Format, installed.Item{}, listFormat(opts.NoHeading)); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "f", "Only quadlets that match KEY=VALUE: "+strings.Join(filterKeys(), ", "))
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.BoolVarP(&opts.NoHeading, "noheading", "n", false, "Leave the headings out")
	cli.CompleteFormat(cmd, installed.Item{})
	cli.Must(cmd.RegisterFlagCompletionFunc("filter", cli.CompleteKeys(filterKeys(), func(key string) []string {
		if key == "name" {
			return names()
		}
		return []string{"active/running", "active/exited", "inactive/dead", "failed/failed", "Not loaded"}
	})))
	return cmd
}

func list(ctx context.Context, a *cli.App, opts *listOptions) error {
	match, err := parseFilters(opts.Filters)
	if err != nil {
		return err
	}
	m, end := manager(ctx)
	defer end()
	if m == nil && !systemd.Booted() {
		warnNoSystemd(a)
	}
	items, problems, err := installed.List(ctx, m)
	warn(a, problems)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(i installed.Item) bool { return !match(i) })
	return format.Print(a.Stdout, opts.Format, items, listFormat(opts.NoHeading))
}

// manager is the user's systemd, nil where there is none.
func manager(ctx context.Context) (m installed.Manager, end func()) {
	c, err := systemd.Connect(ctx, os.Getuid())
	if err != nil {
		return nil, func() {}
	}
	if _, err := c.ManagerCgroup(ctx); err != nil { // a bus without one
		_ = c.Close()
		return nil, func() {}
	}
	return c, func() { _ = c.Close() }
}

// parseFilters gives what an item has to be.
func parseFilters(filters []string) (func(installed.Item) bool, error) {
	byKey := map[string][]*regexp.Regexp{}
	for _, filter := range filters {
		key, value, err := spec.SplitFilter(filter, filterKeys())
		if err != nil {
			return nil, err
		}
		pattern, err := regexp.Compile(value)
		if err != nil {
			return nil, errs.Invalidf("--filter %q: %w", filter, err)
		}
		byKey[key] = append(byKey[key], pattern)
	}
	return func(i installed.Item) bool {
		for key, patterns := range byKey {
			value := i.Name
			if key == "status" {
				value = i.Status
			}
			if !slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(value) }) {
				return false
			}
		}
		return true
	}, nil
}
