package network

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/networks"
)

type inspectOptions struct {
	Names  []string
	Format string
}

func newInspectCommand(a *cli.App, runF cli.RunFunc[inspectOptions]) *cobra.Command {
	opts := &inspectOptions{}
	cmd := &cobra.Command{
		Use:   "inspect [options] NETWORK [NETWORK...]",
		Short: "Show all that is known of networks",
		Long: `Shows networks, and the containers that run on them, as a JSON array with podman's
fields, or through a Go template.`,
		Example: `rc network inspect web
rc network inspect --format '{{range .Subnets}}{{.Subnet}} {{end}}' web`,
		Args:              cli.AtLeast(1, "the network"),
		ValidArgsFunction: cli.CompleteNetworks(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	cli.CompleteFormat(cmd, networks.Inspection{})
	return cmd
}

func inspect(_ context.Context, a *cli.App, opts *inspectOptions) error {
	return cli.Inspect(a, opts.Format, opts.Names, func(name string) (*networks.Inspection, error) { return networks.Inspect(a.Config, name) })
}
