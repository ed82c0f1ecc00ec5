package network

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type connectOptions struct {
	spec.Attachment

	Container string
}

func newConnectCommand(a *cli.App, runF cli.RunFunc[connectOptions]) *cobra.Command {
	opts := &connectOptions{}
	var ip, ip6, mac string
	var aliases []string
	cmd := &cobra.Command{
		Use:   "connect [options] NETWORK CONTAINER",
		Short: "Connect a container with a network",
		Long: `Connects a container with one more network: one that runs at once, with a new interface,
another when it starts. Only containers that were made with a bridge network can be
connected with others.`,
		Example: `rc network connect web db
rc network connect --alias database --ip 10.77.0.9 web db`,
		Args:              cli.Between(2, 2, "the network, or the container,"),
		ValidArgsFunction: completeMember(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Network, opts.Container = args[0], args[1]
			var err error
			if ip != "" {
				if opts.IP, err = parse.IP(ip, false); err != nil {
					return flagError("ip", err)
				}
			}
			if ip6 != "" {
				if opts.IP6, err = parse.IP(ip6, true); err != nil {
					return flagError("ip6", err)
				}
			}
			if mac != "" {
				if opts.MAC, err = parse.MAC(mac); err != nil {
					return flagError("mac-address", err)
				}
			}
			for _, alias := range aliases {
				if alias, err = parse.HostAlias(alias); err != nil {
					return flagError("alias", err)
				}
				opts.Aliases = append(opts.Aliases, alias)
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &aliases, "alias", "", "Name by which containers on the network find it, too")
	flags.StringVar(&ip, "ip", "", "IPv4 address")
	flags.StringVar(&ip6, "ip6", "", "IPv6 address")
	flags.StringVar(&mac, "mac-address", "", "MAC address")
	return cmd
}

// completeMember offers a network, then a container.
func completeMember(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return cli.CompleteNetworks(a, 1)(cmd, args, word)
		case 1:
			return cli.CompleteContainers(a, 2, cli.AnyState)(cmd, args, word)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

func flagError(flag string, err error) error { return fmt.Errorf("--%s %w", flag, err) }

func connect(ctx context.Context, a *cli.App, opts *connectOptions) error {
	return networks.Connect(ctx, a.Config, opts.Network, opts.Container, opts.Attachment)
}
