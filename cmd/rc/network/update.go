package network

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

type updateOptions struct {
	Name            string
	DNSAdd, DNSDrop []string
}

func newUpdateCommand(a *cli.App, runF cli.RunFunc[updateOptions]) *cobra.Command {
	opts := &updateOptions{}
	cmd := &cobra.Command{
		Use:   "update [options] NETWORK",
		Short: "Change the name servers of a network",
		Long: `Changes which name servers are asked for names that are no container's; containers that
run on the network follow at once.`,
		Example: `rc network update --dns-add 9.9.9.9 web
rc network update --dns-drop 9.9.9.9 --dns-add 1.1.1.1 web`,
		Args:              cli.Between(1, 1, "the network"),
		ValidArgsFunction: cli.CompleteNetworks(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Name = args[0]
			if len(opts.DNSAdd)+len(opts.DNSDrop) == 0 {
				return errs.WithHint(errs.Invalidf("network update: nothing to change"), cmd.CommandPath()+" --help")
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.WordsVar(flags, &opts.DNSAdd, "dns-add", "", "Name servers to add")
	cli.WordsVar(flags, &opts.DNSDrop, "dns-drop", "", "Name servers to drop")
	return cmd
}

func update(_ context.Context, a *cli.App, opts *updateOptions) error {
	s, err := store(a)
	if err != nil {
		return err
	}
	n, err := s.Update(opts.Name, func(n *bridge.Network) error { return n.ChangeServers(opts.DNSAdd, opts.DNSDrop) })
	if err != nil {
		return err
	}
	networks.Emit(a.Config, "update", n, "")
	fmt.Fprintln(a.Stdout, n.Name)
	return networks.Follow(a.Config, n)
}
