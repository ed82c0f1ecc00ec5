package image

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

type existsOptions struct{ Image string }

func newExistsCommand(a *cli.App, runF cli.RunFunc[existsOptions]) *cobra.Command {
	return &cobra.Command{
		Use:   "exists IMAGE",
		Short: "Say by the exit code whether an image is here",
		Long:  "Ends with 0 where an image of this name or id is here, with 1 where it is not, and with 125 where that cannot be told.",
		Example: `rc image exists alpine || rc pull alpine
rc image exists 7d4d8abda151`,
		Args:              cli.Between(1, 1, "the image"),
		ValidArgsFunction: cli.CompleteImages(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &existsOptions{args[0]})
		},
	}
}

func imageExists(ctx context.Context, a *cli.App, opts *existsOptions) error {
	_, err := image.Resolve(ctx, a.Config, opts.Image, image.Platform{})
	if errors.Is(err, errs.ErrNotFound) {
		return errs.Exit(codeNoSuchImage)
	}
	return err
}
