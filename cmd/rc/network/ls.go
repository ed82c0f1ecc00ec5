package network

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

type lsOptions struct {
	Filters                   []string
	Format                    string
	NoHeading, NoTrunc, Quiet bool
}

// row is a line of the table, with podman's field names.
type row struct {
	bridge.Network

	full bool
}

// ID is short unless asked otherwise.
func (r row) ID() string { //nolint:revive // it hides the record's on purpose
	if r.full {
		return r.Network.ID
	}
	return format.ShortID(r.Network.ID)
}

// Labels are KEY=VALUE, with commas between them.
func (r row) Labels() string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(r.Network.Labels)) {
		all = append(all, key+"="+r.Network.Labels[key])
	}
	return format.Plain(strings.Join(all, ","))
}

// Label is one label: {{.Label "org.example"}}.
func (r row) Label(name string) string { return format.Plain(r.Network.Labels[name]) }

// CreatedAt and Scope are docker's.
func (r row) CreatedAt() string { return r.Created.String() }

// Scope is docker's word for networks of one machine.
func (r row) Scope() string { return "local" }

func newLsCommand(a *cli.App, runF cli.RunFunc[lsOptions]) *cobra.Command {
	opts := &lsOptions{}
	cmd := &cobra.Command{
		Use:     "ls [options]",
		Aliases: []string{"list"},
		Short:   "List networks",
		Long:    "Lists bridge networks, one line each, by name; the default network is always there.",
		Example: `rc network ls
rc network ls --filter dangling=true -q
rc network ls --format '{{.Name}} {{.NetworkInterface}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "f", "Only networks that match KEY=VALUE: "+strings.Join(bridge.FilterKeys(), ", "))
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	flags.BoolVarP(&opts.NoHeading, "noheading", "n", false, "Leave the headings out")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show whole ids")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print names only")
	cli.CompleteFormat(cmd, row{})
	cli.CompleteFilter(a, cmd, cli.Networks, bridge.FilterKeys())
	return cmd
}

func list(_ context.Context, a *cli.App, opts *lsOptions) error {
	o := format.Options{
		Table: `{{.ID}}\t{{.Name}}\t{{.Driver}}`, NoHeading: opts.NoHeading,
		Headings: map[string]string{"ID": "NETWORK ID"},
	}
	if err := format.Check(opts.Format, row{}, o); err != nil {
		return err
	}
	filter, err := bridge.ParseFilter(opts.Filters, bridge.FilterKeys(), func(s string) (time.Time, error) { return records.ParseTime(s) })
	if err != nil {
		return err
	}
	found, err := networks.List(a.Config, filter)
	if err != nil {
		return err
	}
	rows := []row{}
	records := []bridge.Network{}
	for _, n := range found {
		rows, records = append(rows, row{n.Network, opts.NoTrunc}), append(records, n.Network)
	}
	switch {
	case opts.Quiet:
		for _, r := range rows {
			fmt.Fprintln(a.Stdout, r.Name)
		}
		return nil
	case format.IsJSON(opts.Format):
		return format.Print(a.Stdout, opts.Format, records, format.Options{})
	}
	return format.Print(a.Stdout, opts.Format, rows, o)
}
