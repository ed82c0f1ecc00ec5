package image

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
)

type treeOptions struct {
	Image        string
	WhatRequires bool
}

func newTreeCommand(a *cli.App, runF cli.RunFunc[treeOptions]) *cobra.Command {
	opts := &treeOptions{}
	cmd := &cobra.Command{
		Use:   "tree [options] IMAGE",
		Short: "Show the layers of an image",
		Long: `Shows the layers of an image, the lowest first, their sizes, and the names of images
that end with each. With --whatrequires, shows the layers and images that stand on
its topmost layer.`,
		Example: `rc image tree alpine
rc image tree --whatrequires debian:12`,
		Args:              cli.Between(1, 1, "the image"),
		ValidArgsFunction: cli.CompleteImages(a, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Image = args[0]
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVar(&opts.WhatRequires, "whatrequires", false, "Show what stands on the image")
	return cmd
}

func showTree(ctx context.Context, a *cli.App, opts *treeOptions) error {
	img, err := image.Resolve(ctx, a.Config, opts.Image, image.Platform{})
	if err != nil {
		return err
	}
	ix, err := image.Read(ctx, a.Config)
	if err != nil {
		return err
	}
	layers, err := image.Tree(ix, img)
	if err != nil {
		return fmt.Errorf("tree of %q: %w", opts.Image, err)
	}
	fmt.Fprintf(a.Stdout, "Image ID: %s\nTags:     %v\nSize:     %s\n", format.ShortID(img.ID), img.Names, format.Size(img.Size))
	if len(layers) == 0 {
		fmt.Fprintln(a.Stdout, "No Image Layers")
		return nil
	}
	fmt.Fprintln(a.Stdout, "Image Layers")
	if opts.WhatRequires {
		printLayers(a.Stdout, layers[len(layers)-1:], "", true)
	} else {
		printLayers(a.Stdout, layers, "", false)
	}
	return nil
}

// printLayers draws one level of the tree, and those below it if deep.
func printLayers(w io.Writer, layers []*image.Layer, indent string, deep bool) {
	for i, l := range layers {
		branch, next := "├── ", "│   "
		if i == len(layers)-1 {
			branch, next = "└── ", "    "
		}
		tags := ""
		if len(l.Tags) > 0 {
			tags = " Top Layer of: [" + strings.Join(l.Tags, " ") + "]"
		}
		fmt.Fprintf(w, "%s%sID: %s Size: %7s%s\n", indent, branch, format.ShortID(l.ID), format.Size(l.Size), tags)
		if deep {
			printLayers(w, l.Children, indent+next, true)
		}
	}
}
