package network

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

type pruneOptions struct {
	Filters []string
	Force   bool
}

func newPruneCommand(a *cli.App, runF cli.RunFunc[pruneOptions]) *cobra.Command {
	opts := &pruneOptions{}
	cmd := &cobra.Command{
		Use:   "prune [options]",
		Short: "Remove all networks that no container is made for",
		Long: `Removes all networks that no container is made for, whether it runs or not, but for the
default network, and prints their names. It asks before.`,
		Example: `rc network prune
rc network prune --force --filter until=24h`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := bridge.ParseFilter(opts.Filters, bridge.PruneKeys(), records.ParseTime); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "", "Only networks that match KEY=VALUE: "+strings.Join(bridge.PruneKeys(), ", "))
	flags.BoolVarP(&opts.Force, "force", "f", false, "Do not ask")
	cli.CompleteFilter(a, cmd, cli.Networks, bridge.PruneKeys())
	return cmd
}

func prune(ctx context.Context, a *cli.App, opts *pruneOptions) error {
	filter, err := bridge.ParseFilter(opts.Filters, bridge.PruneKeys(), records.ParseTime)
	if err != nil {
		return err
	}
	if !opts.Force {
		if yes, err := cli.Confirm(a, "network prune", "This will remove all networks not used by at least one container."); err != nil || !yes {
			return err
		}
	}
	gone, err := networks.Prune(ctx, a.Config, filter)
	for _, name := range gone {
		fmt.Fprintln(a.Stdout, name)
	}
	return err
}
