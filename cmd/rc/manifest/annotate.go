package manifest

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/lists"
)

type annotateOptions struct {
	List, Image string // Image "" is the list itself
	Change      change
}

func newAnnotateCommand(a *cli.App, runF cli.RunFunc[annotateOptions]) *cobra.Command {
	opts := &annotateOptions{}
	var changes changeFlags
	index := false
	cmd := &cobra.Command{
		Use:   "annotate [options] LIST [IMAGE]",
		Short: "Change what a manifest list says of an image",
		Long:  "Changes what a manifest list says of an image, which is named by its digest, or as an image that is here; or with --index of itself.",
		Example: `rc manifest annotate --arch arm64 --variant v8 app sha256:15352d97781ffdf357bf3459c037be3efac4133dc9070c2dce7eca7c05c3e736
rc manifest annotate --index --annotation org.opencontainers.image.source=https://example.com app`,
		Args:              cli.Between(1, 2, "the list"),
		ValidArgsFunction: complete(a, 2, instances(a)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.List = args[0]
			if opts.Change, err = changes.options(); err != nil {
				return err
			}
			c := opts.Change
			switch {
			case !index && len(args) < 2:
				return errs.Invalidf("manifest annotate: the image is missing, or --index for the list itself")
			case index && len(args) > 1:
				return errs.Invalidf("manifest annotate: --index is for the list itself, and %q is named, too", args[1])
			case index && c.Arch+c.OS+c.OSVersion+c.Variant != "", index && len(c.OSFeatures)+len(c.Features) > 0:
				return errs.Invalidf("manifest annotate: a list has no platform: --index goes with --annotation only")
			case !index:
				opts.Image = args[1]
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	changes.add(cmd.Flags())
	cmd.Flags().BoolVar(&index, "index", false, "Annotate the list itself")
	return cmd
}

func annotate(ctx context.Context, a *cli.App, opts *annotateOptions) error {
	return changed(ctx, a, opts.List, func(l *lists.List) error {
		if opts.Image == "" {
			l.Annotate(opts.Change.Annotations)
			return nil
		}
		i, err := l.Find(a.Config, opts.Image)
		if err == nil {
			opts.Change.apply(&l.Instances[i])
		}
		return err
	})
}
