package image

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/image"
)

type tagOptions struct {
	Image string
	Names []string
}

func newTagCommand(a *cli.App, runF cli.RunFunc[tagOptions]) *cobra.Command {
	return &cobra.Command{
		Use:   "tag IMAGE NAME [NAME...]",
		Short: "Give an image more names",
		Long:  "Gives an image more names. Another image that has one of them loses it. A short name belongs to localhost.",
		Example: `rc tag alpine base
rc tag 7d4d8abda151 registry.example.com/app:1.0 registry.example.com/app:latest`,
		Args:              cli.AtLeast(2, "the image or its new name"),
		ValidArgsFunction: cli.CompleteImages(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &tagOptions{args[0], args[1:]})
		},
	}
}

func tagImage(ctx context.Context, a *cli.App, opts *tagOptions) error {
	return image.Tag(ctx, a.Config, opts.Image, opts.Names...)
}

func newUntagCommand(a *cli.App, runF cli.RunFunc[tagOptions]) *cobra.Command {
	return &cobra.Command{
		Use:   "untag IMAGE [NAME...]",
		Short: "Take names from an image",
		Long:  "Takes names from an image, all of them where none is given. The image stays, with its id.",
		Example: `rc untag alpine
rc untag 7d4d8abda151 localhost/base`,
		Args:              cli.AtLeast(1, "the image"),
		ValidArgsFunction: cli.CompleteImages(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &tagOptions{args[0], args[1:]})
		},
	}
}

func untagImage(ctx context.Context, a *cli.App, opts *tagOptions) error {
	return image.Untag(ctx, a.Config, opts.Image, opts.Names...)
}
