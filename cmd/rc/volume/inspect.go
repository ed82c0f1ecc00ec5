package volume

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
)

type inspectOptions struct {
	Names  []string
	All    bool
	Format string
}

func newInspectCommand(a *cli.App, runF cli.RunFunc[inspectOptions]) *cobra.Command {
	opts := &inspectOptions{}
	cmd := &cobra.Command{
		Use:   "inspect [options] VOLUME [VOLUME...]",
		Short: "Show all that is known of volumes",
		Long: `Shows volumes as a JSON array with podman's fields, or through a Go template. A volume
may be called by the beginning of its name. Mountpoint is where its files are:
rc unshare ls MOUNTPOINT`,
		Example: `rc volume inspect data
rc volume inspect --format '{{.Mountpoint}}' data`,
		Args:              cli.NamesOr(&opts.All, "a volume"),
		ValidArgsFunction: cli.CompleteVolumes(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			if err := format.Check(opts.Format, volumes.Inspection{}, format.Options{}); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Show all volumes")
	flags.StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	cli.CompleteFormat(cmd, volumes.Inspection{})
	return cmd
}

func inspectVolumes(_ context.Context, a *cli.App, opts *inspectOptions) error {
	rows := []volumes.Inspection{}
	var failed []error
	if opts.All {
		entries, broken := volumes.List(a.Config, volumes.Filters{}, true)
		rows, failed = volumes.Inspections(entries), broken
	}
	for _, name := range opts.Names {
		e, err := volumes.Find(a.Config, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		rows = append(rows, e.Inspection())
	}
	if err := format.Print(a.Stdout, opts.Format, rows, format.Options{}); err != nil {
		return err
	}
	return cli.Last(a, failed, errs.Code)
}
