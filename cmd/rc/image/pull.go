package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type pullOptions struct {
	image.PullOptions
	Images []string
}

func newPullCommand(a *cli.App, runF cli.RunFunc[pullOptions]) *cobra.Command {
	opts := &pullOptions{}
	var registry registryFlags
	var platform platformFlags
	cmd := &cobra.Command{
		Use:   "pull [options] IMAGE [IMAGE...]",
		Short: "Fetch images from a registry",
		Long: `Fetches images from a registry and prints their ids. A name without a registry is
looked up as registries.conf says, and on docker.io where it says nothing. Layers that
are here already are not fetched.

An image can also come from a file, a directory, or the store of podman and buildah:
docker-archive:FILE[:NAME], oci-archive:FILE[:TAG], oci:DIR[:TAG], dir:DIR, containers-storage:NAME.`,
		Example: `rc pull alpine
rc pull --platform linux/arm64 docker.io/library/debian:12
rc pull --policy newer quay.io/fedora/fedora
rc pull --tls-verify=false localhost:5000/app
rc pull containers-storage:localhost/built-by-podman
rc pull oci:layout:1.0`,
		Args:              cli.AtLeast(1, "the image"),
		ValidArgsFunction: completePull(a),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.Images = args
			if opts.Registry, err = registry.options(cmd.Flags(), a); err != nil {
				return err
			}
			if opts.Platform, err = platform.options(); err != nil {
				return err
			}
			if opts.Policy, err = parse.Pull(opts.Policy); err != nil {
				return fmt.Errorf("--policy %w", err)
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Print the id only")
	flags.BoolVarP(&opts.AllTags, "all-tags", "a", false, "Pull every tag of the repository")
	flags.StringVar(&opts.Policy, "policy", image.Always, "Pull always, missing, never, or newer")
	registry.Pull(flags)
	flags.Bool("disable-content-trust", true, "No effect: for scripts written for docker")
	cli.Must(flags.MarkHidden("disable-content-trust"))
	platform.add(flags)
	return cmd
}

// pullImages pulls one after the other; one that fails does not keep the others from it.
func pullImages(ctx context.Context, a *cli.App, opts *pullOptions) error {
	var failures []error
	hint := ""
	for _, name := range opts.Images {
		o := opts.PullOptions
		o.Image, o.Streams = name, streams(a)
		images, err := image.PullAll(ctx, a.Config, o)
		if err != nil {
			failures = append(failures, err)
			if hint == "" {
				hint = errs.Hint(err)
			}
			continue
		}
		for _, img := range images {
			fmt.Fprintln(a.Stdout, img.ID)
		}
	}
	if err := errors.Join(failures...); hint != "" {
		return errs.WithHint(err, hint)
	} else if err != nil {
		return err
	}
	return nil
}

// completePull offers images, and the transports besides registries.
func completePull(a *cli.App) cli.Completion {
	images := cli.CompleteImages(a, 0)
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if image.HasTransport(word) {
			return nil, cobra.ShellCompDirectiveDefault
		}
		names, directive := images(cmd, args, word)
		if word != "" {
			names = append(names, image.Transports()...)
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return names, directive
	}
}
