package image

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func newImportCommand(a *cli.App, runF cli.RunFunc[image.ImportOptions]) *cobra.Command {
	opts := &image.ImportOptions{}
	var platform platformFlags
	cmd := &cobra.Command{
		Use:   "import [options] FILE|URL|- [NAME]",
		Short: "Make an image of a root filesystem",
		Long: `Makes an image with one layer of the tar archive of a root filesystem, compressed (gzip,
zstd, bzip2, xz) or not, and prints its id. A short name belongs to localhost.`,
		Example: `rc import -c 'CMD ["sh"]' alpine-minirootfs.tar.gz alpine
debootstrap stable root && tar -C root -c . | rc import - debian:mine
rc import -c ENV=LANG=C.UTF-8 -c 'ENTRYPOINT ["/app"]' -m 'first try' https://example.com/rootfs.tar.xz app`,
		Args: cli.Between(1, 2, "the archive"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.Source = args[0]
			if len(args) > 1 {
				opts.Name = args[1]
			}
			if opts.Source == "-" && term.IsTerminal(int(a.Stdin.Fd())) {
				return errs.WithHint(errs.Invalidf("import: standard input is a terminal"), "rc import FILE, or rc import - < FILE")
			}
			if opts.Platform, err = platform.options(); err != nil {
				return err
			}
			if _, err := image.ParseChanges(opts.Changes); err != nil {
				return fmt.Errorf("import: %w", err)
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&opts.Changes, "change", "c", nil, "Dockerfile instruction to apply: "+image.ChangeWords())
	flags.StringVarP(&opts.Message, "message", "m", "", "Comment kept in the image's history")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Do not tell how far things are")
	platform.add(flags)
	cli.Must(cmd.RegisterFlagCompletionFunc("change", cli.CompleteChanges()))
	return cmd
}

func importImage(ctx context.Context, a *cli.App, opts *image.ImportOptions) error {
	o := *opts
	o.Streams = streams(a)
	id, err := image.Import(ctx, a.Config, o)
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout, "sha256:"+id)
	return nil
}
