package manifest

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/image/lists"
)

type removeOptions struct{ List, Image string }

func newRemoveCommand(a *cli.App, runF cli.RunFunc[removeOptions]) *cobra.Command {
	return &cobra.Command{
		Use:               "remove LIST IMAGE",
		Short:             "Take an image out of a manifest list",
		Long:              "Takes an image out of a manifest list. It is named by its digest, or as an image that is here.",
		Example:           "rc manifest remove app sha256:15352d97781ffdf357bf3459c037be3efac4133dc9070c2dce7eca7c05c3e736",
		Args:              cli.Between(2, 2, "the list or the digest"),
		ValidArgsFunction: complete(a, 2, instances(a)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runF(cmd.Context(), a, &removeOptions{args[0], args[1]})
		},
	}
}

func remove(ctx context.Context, a *cli.App, opts *removeOptions) error {
	return changed(ctx, a, opts.List, func(l *lists.List) error {
		i, err := l.Find(a.Config, opts.Image)
		if err == nil {
			l.Instances = slices.Delete(l.Instances, i, i+1)
		}
		return err
	})
}

type rmOptions struct {
	Lists  []string
	Ignore bool
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	cmd := &cobra.Command{
		Use:               "rm [options] LIST [LIST...]",
		Short:             "Delete manifest lists",
		Long:              "Deletes manifest lists. The images that they name stay.",
		Example:           "rc manifest rm app",
		Args:              cli.AtLeast(1, "the list"),
		ValidArgsFunction: complete(a, 0, nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Lists = args
			return runF(cmd.Context(), a, opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.Ignore, "ignore", "i", false, "Do not mind lists that are not there")
	return cmd
}

func rm(ctx context.Context, a *cli.App, opts *rmOptions) error {
	gone, err := lists.Remove(ctx, a.Config, opts.Ignore, opts.Lists...)
	for _, name := range gone {
		fmt.Fprintln(a.Stdout, "Untagged:", name)
	}
	return err
}
