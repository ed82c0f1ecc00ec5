package image

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func newSaveCommand(a *cli.App, runF cli.RunFunc[image.SaveOptions]) *cobra.Command {
	opts := &image.SaveOptions{}
	cmd := &cobra.Command{
		Use:   "save [options] IMAGE [IMAGE|NAME...]",
		Short: "Write images to an archive",
		Long: `Writes images to an archive that rc load, docker load, podman load and skopeo read: to a file, or to
standard output. The same images give the same bytes. A further NAME that no image has is one more name
for the first image in the archive.`,
		Example: `rc save -o app.tar app
rc save app | ssh host docker load
rc save --format oci-archive -o both.tar app db
rc save --format oci-dir -o app app`,
		Args:              cli.AtLeast(1, "the image"),
		ValidArgsFunction: cli.CompleteImages(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			dir := strings.HasSuffix(opts.Format, "-dir")
			switch {
			case !slices.Contains(image.SaveFormats(), opts.Format):
				return errs.Invalidf("--format %q: want %s", opts.Format, strings.Join(image.SaveFormats(), ", "))
			case opts.Compress && !dir:
				return errs.WithHint(errs.Invalidf("--compress: the layers of a directory can be compressed, those of %s are not up to you", opts.Format),
					"rc save "+args[0]+" | gzip")
			case opts.Plain && opts.Format == "docker-archive":
				return errs.Invalidf("--uncompressed: the layers of a docker-archive are never compressed")
			case opts.Plain && opts.Compress:
				return errs.Invalidf("--uncompressed and --compress: want one of them")
			case dir && opts.Output == "":
				return errs.Invalidf("--format %s: want --output DIRECTORY", opts.Format)
			case opts.Output == "" && term.IsTerminal(int(a.Stdout.Fd())):
				return errs.WithHint(errs.Invalidf("save: standard output is a terminal"), "rc save -o FILE, or rc save > FILE")
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Compress, "compress", false, "Compress the layers in a directory")
	flags.StringVar(&opts.Format, "format", "docker-archive", "Write a docker-archive, oci-archive, docker-dir or oci-dir")
	flags.BoolVarP(&opts.Multi, "multi-image-archive", "m", false, "Every argument is an image, none a further name for the first")
	flags.StringVarP(&opts.Output, "output", "o", "", "Write to this file or directory instead of standard output")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Do not tell how far things are")
	flags.BoolVar(&opts.Plain, "uncompressed", false, "Leave the layers of an OCI archive uncompressed")
	cli.Must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(image.SaveFormats(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func saveImages(ctx context.Context, a *cli.App, opts *image.SaveOptions) error {
	o := *opts
	o.Streams = streams(a)
	if o.Output != "" {
		path, err := filepath.Abs(o.Output)
		if err != nil {
			return fmt.Errorf("--output: %w", err)
		}
		o.Output = path
	}
	return image.Save(ctx, a.Config, o)
}
