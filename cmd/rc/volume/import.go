package volume

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/container/records"
)

type importOptions struct{ Volume, Source string }

func newImportCommand(a *cli.App, runF cli.RunFunc[importOptions]) *cobra.Command {
	opts := &importOptions{}
	return &cobra.Command{
		Use:   "import VOLUME FILE|-",
		Short: "Put what is in a tar archive into a volume",
		Long: `Puts the files of a tar archive, which may be compressed by gzip, into a volume that
is there, over those that have the same names. - is standard input. The archive is
unpacked beside the volume first, so that a damaged one changes nothing: that takes its
size in free disk. (A volume that is a directory of the host is written to at once.)
No name in the archive, and no link, leads out of the volume.`,
		Example: `rc volume import data data.tar
gunzip -c data.tar.gz | rc volume import copy -`,
		Args: cli.Between(2, 2, "a volume and an archive"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return cli.CompleteVolumes(a, 1)(cmd, args, word)
			}
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Volume, opts.Source = args[0], args[1]
			return runF(cmd.Context(), a, opts)
		},
	}
}

func importVolume(ctx context.Context, a *cli.App, opts *importOptions) error {
	name, err := records.Volumes(a.Config).Find(opts.Volume)
	if err != nil {
		return err
	}
	var in io.Reader = a.Stdin
	if opts.Source != "-" {
		f, err := os.Open(opts.Source)
		if err != nil {
			return fmt.Errorf("import into volume %q: %w", name, err)
		}
		defer f.Close()
		in = f
	}
	if !a.InUserns {
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	warn := func(err error) { fmt.Fprintf(a.Stderr, "Warning: import into volume %q: %v\n", name, err) }
	if err := files.ImportVolume(ctx, a.Config, name, in, warn); err != nil {
		return fmt.Errorf("import %q into volume %q: %w", opts.Source, name, err)
	}
	return nil
}
