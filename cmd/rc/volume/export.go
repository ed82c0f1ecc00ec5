package volume

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/container/records"
)

type exportOptions struct{ Volume, Output string }

func newExportCommand(a *cli.App, runF cli.RunFunc[exportOptions]) *cobra.Command {
	opts := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export [options] VOLUME",
		Short: "Write what is in a volume as a tar archive",
		Long: `Writes what is in a volume as a tar archive to a file or to standard output, with
owners as containers see them. What a container changes meanwhile may be there old or
new. Sockets are left out.`,
		Example: `rc volume export data > data.tar
rc volume export -o data.tar data
rc volume export data | gzip > data.tar.gz`,
		Args:              cli.Between(1, 1, "the volume"),
		ValidArgsFunction: cli.CompleteVolumes(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Volume = args[0]
			if err := a.CheckArchive(opts.Output, args[0], "rc volume export"); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().StringVarP(&opts.Output, "output", "o", "", "File to write to (default: standard output)")
	return cmd
}

func exportVolume(ctx context.Context, a *cli.App, opts *exportOptions) error {
	name, err := records.Volumes(a.Config).Find(opts.Volume)
	if err != nil {
		return err
	}
	if !a.InUserns {
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	warn := func(err error) { fmt.Fprintf(a.Stderr, "Warning: export %q: %v\n", name, err) }
	err = a.WriteArchive(opts.Output, func(to *os.File) error { return files.ExportVolume(ctx, a.Config, name, to, warn) })
	if err != nil {
		return fmt.Errorf("export volume %q: %w", name, err)
	}
	return nil
}
