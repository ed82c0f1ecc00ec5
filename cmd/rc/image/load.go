package image

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

func newLoadCommand(a *cli.App, runF cli.RunFunc[image.LoadOptions]) *cobra.Command {
	opts := &image.LoadOptions{}
	var platform platformFlags
	cmd := &cobra.Command{
		Use:   "load [options]",
		Short: "Load images from an archive or a directory",
		Long: `Loads the images of an archive that docker save, podman save, buildah or skopeo made
(docker-archive or oci-archive), compressed or not, from a file or from standard input; or of a directory in
OCI's layout (oci) or of loose blobs (dir).`,
		Example: `rc load -i image.tar
docker save app | rc load
curl -s https://example.com/image.tar.gz | rc load`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if opts.Input == "" && term.IsTerminal(int(a.Stdin.Fd())) {
				return errs.WithHint(errs.Invalidf("load: standard input is a terminal"), "rc load -i FILE, or rc load < FILE")
			}
			if opts.Platform, err = platform.options(); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Input, "input", "i", "", "Read this file or directory instead of standard input")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Do not tell how far things are")
	platform.add(flags)
	return cmd
}

func loadImages(ctx context.Context, a *cli.App, opts *image.LoadOptions) error {
	o := *opts
	o.Streams = streams(a)
	if o.Input != "" && o.Input != "-" {
		path, err := filepath.Abs(o.Input)
		if err != nil {
			return fmt.Errorf("--input: %w", err)
		}
		o.Input = path
	}
	loaded, err := image.Load(ctx, a.Config, o)
	for _, l := range loaded {
		for _, name := range l.Names {
			fmt.Fprintln(a.Stdout, "Loaded image:", name)
		}
		if len(l.Names) == 0 {
			fmt.Fprintln(a.Stdout, "Loaded image: sha256:"+l.ID)
		}
	}
	return err
}
