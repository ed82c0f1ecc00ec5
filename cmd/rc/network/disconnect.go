package network

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
)

type disconnectOptions struct {
	Network, Container string
	Force              bool
}

func newDisconnectCommand(a *cli.App, runF cli.RunFunc[disconnectOptions]) *cobra.Command {
	opts := &disconnectOptions{}
	cmd := &cobra.Command{
		Use:   "disconnect [options] NETWORK CONTAINER",
		Short: "Take a container off a network",
		Long: `Takes a container off a network: one that runs loses the interface at once, another does
not get it when it starts.`,
		Example: `rc network disconnect web db
rc network disconnect --force web db`,
		Args:              cli.Between(2, 2, "the network, or the container,"),
		ValidArgsFunction: completeMember(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Network, opts.Container = args[0], args[1]
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.Force, "force", "f", false, "Do not mind a network helper that does not answer")
	return cmd
}

func disconnect(ctx context.Context, a *cli.App, opts *disconnectOptions) error {
	return networks.Disconnect(ctx, a.Config, opts.Network, opts.Container, opts.Force)
}
