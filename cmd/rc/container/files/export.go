package files

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
)

type exportOptions struct{ Container, Output string }

func newExportCommand(a *cli.App, runF cli.RunFunc[exportOptions]) *cobra.Command {
	opts := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export [options] CONTAINER",
		Short: "Write the root filesystem of a container as a tar archive",
		Long: `Writes the root filesystem of a container, whether it runs or not, as a tar archive to a
file or to standard output, with owners as they are in the container. Volumes are
left out, and so are sockets. rc import makes an image of it.`,
		Example: `rc export web > web.tar
rc export -o web.tar web
rc export web | rc import - web:flat`,
		Args:              cli.Between(1, 1, "the container"),
		ValidArgsFunction: cli.CompleteContainers(a, 1, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Container = args[0]
			if err := a.CheckArchive(opts.Output, args[0], "rc export"); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.Output, "output", "o", "", "File to write to (default: standard output)")
	return cmd
}

func exportContainer(ctx context.Context, a *cli.App, opts *exportOptions) error {
	if !a.InUserns {
		if err := files.Settle(a.Config, opts.Container); err != nil {
			return err
		}
		// What containers write can belong to subordinate ids.
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	warn := func(err error) { fmt.Fprintf(a.Stderr, "Warning: export %q: %v\n", opts.Container, err) }
	return a.WriteArchive(opts.Output, func(to *os.File) error { return files.Export(ctx, a.Config, opts.Container, to, warn) })
}
