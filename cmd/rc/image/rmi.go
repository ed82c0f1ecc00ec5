package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
)

// Exit codes of podman-rmi(1).
const (
	codeNoSuchImage = 1
	codeImageInUse  = 2
)

func newRmiCommand(a *cli.App, runF cli.RunFunc[image.RemoveOptions]) *cobra.Command {
	opts := &image.RemoveOptions{}
	cmd := &cobra.Command{
		Use:   "rmi [options] IMAGE [IMAGE...]",
		Short: "Remove images",
		Long: `Removes images, and the layers that no other image has. An image with several names
only loses the one that was given. An image that a container was made from stays;
--force removes the container first, also one that runs.

The exit code is 1 where an image does not exist, 2 where one is in use.`,
		Example: `rc rmi alpine
rc rmi --force 7d4d8abda151
rc rmi --all`,
		ValidArgsFunction: cli.CompleteImages(a, 0),
		Args:              cli.NamesOr(&opts.All, "an image"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Images = args
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Remove all images")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Remove an image with all its names and containers, and do not mind one that does not exist")
	flags.BoolVarP(&opts.Ignore, "ignore", "i", false, "Do not mind an image that does not exist")
	noPrune := flags.Bool("no-prune", false, "No effect: images here have no parents that would go with them")
	_ = noPrune
	cli.Must(flags.MarkHidden("no-prune"))
	return cmd
}

func removeImages(ctx context.Context, a *cli.App, opts *image.RemoveOptions) error {
	if opts.Force {
		if err := removeContainers(ctx, a, opts); err != nil {
			return err
		}
	}
	files.SweepImageMounts(a.Config)
	removed, err := image.Remove(ctx, a.Config, *opts)
	for _, name := range removed.Untagged {
		fmt.Fprintln(a.Stdout, "Untagged:", name)
	}
	for _, id := range removed.Deleted {
		fmt.Fprintln(a.Stdout, "Deleted:", id)
	}
	switch {
	case errors.Is(err, errs.ErrInUse):
		return errs.WithCode(err, codeImageInUse)
	case errors.Is(err, errs.ErrNotFound):
		return errs.WithCode(err, codeNoSuchImage)
	}
	return err
}

// removeContainers removes the containers that were made from the images.
func removeContainers(ctx context.Context, a *cli.App, opts *image.RemoveOptions) error {
	doomed, err := doomedImages(ctx, a, opts.Images)
	if err != nil {
		return err
	}
	root := records.Of(a.Config)
	entries, broken := root.List()
	var all error
	for _, e := range entries {
		if opts.All && e.ImageID != "" || doomed[e.ImageID] {
			all = errors.Join(all, lifecycle.Remove(ctx, root, e.ID, lifecycle.RemoveOptions{Force: true}))
		}
	}
	if all != nil || len(entries) == 0 {
		return errors.Join(append(broken, all)...)
	}
	return lifecycle.EmptyTrash(ctx, a.Config, 0)
}

// doomedImages are those that will be deleted: of several names, one that goes leaves the image.
func doomedImages(ctx context.Context, a *cli.App, names []string) (map[string]bool, error) {
	doomed, gone := map[string]bool{}, map[string]map[string]bool{}
	for _, name := range names {
		found, err := image.Resolve(ctx, a.Config, name, image.Platform{})
		if errors.Is(err, errs.ErrNotFound) || errors.Is(err, errs.ErrInvalid) {
			continue // image.Remove decides what that means
		}
		if err != nil {
			return nil, err
		}
		if gone[found.ID] == nil {
			gone[found.ID] = map[string]bool{}
		}
		own := image.NameOf(found.Entry, name)
		gone[found.ID][own] = true
		if own == "" || len(gone[found.ID]) >= len(found.Names) {
			doomed[found.ID] = true
		}
	}
	return doomed, nil
}
