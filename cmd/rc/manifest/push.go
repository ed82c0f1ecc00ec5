package manifest

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	rcimage "github.com/rc-containers/rc/cmd/rc/image"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/lists"
	"github.com/rc-containers/rc/pkg/index"
)

type pushOptions struct {
	image.ListPush
	List, Destination string
	Remove            bool
	DigestFile        string
}

func newPushCommand(a *cli.App, runF cli.RunFunc[pushOptions]) *cobra.Command {
	opts := &pushOptions{}
	var registry rcimage.RegistryFlags
	var compression rcimage.CompressionFlags
	all := true
	cmd := &cobra.Command{
		Use:   "push [options] LIST [DESTINATION]",
		Short: "Send a manifest list and its images to a registry",
		Long: `Sends the images of a manifest list, and then the list, to a registry: to DESTINATION, or to the one that its
name has. A DESTINATION can also be oci:DIR:TAG, oci-archive:FILE or dir:DIR.`,
		Example: `rc manifest push app registry.example.com/app:1.0
rc manifest push --rm app docker://registry.example.com/app`,
		Args:              cli.Between(1, 2, "the list"),
		ValidArgsFunction: complete(a, 2, images(a)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.List = args[0]
			if len(args) > 1 {
				opts.Destination = args[1]
			}
			opts.Bare = !all
			if list, _ := cmd.Flags().GetStringSlice("add-compression"); len(list) > 0 {
				return errs.WithHint(errs.Unsupportedf("--add-compression: rc sends each image in one compression"), "--compression-format zstd")
			}
			if opts.Type, err = image.ParseManifestType(opts.Type); err != nil {
				return err
			}
			if opts.Pack, opts.Level, err = compression.Options(cmd.Flags()); err != nil {
				return err
			}
			if opts.Registry, err = registry.Options(cmd.Flags(), a); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&all, "all", true, "Send the images, too; else the registry must have them")
	flags.StringVar(&opts.DigestFile, "digestfile", "", "Write the digest of the list to this file")
	flags.StringVarP(&opts.Type, "format", "f", "", "Type of the list and of its images that are here: oci or v2s2 (default: an OCI list, images as they are)")
	flags.BoolVarP(&opts.Remove, "purge", "p", false, "Delete the list here once it is pushed")
	flags.BoolVar(&opts.Remove, "rm", false, "The same as --purge")
	flags.BoolVarP(&opts.Quiet, "quiet", "q", false, "Do not tell how far things are")
	flags.StringSlice("add-compression", nil, "Refused: rc sends each image in one compression")
	cli.Must(flags.MarkHidden("add-compression"))
	cli.Must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"oci", "v2s2"}, cobra.ShellCompDirectiveNoFileComp)))
	compression.Add(cmd)
	registry.Add(flags)
	return cmd
}

func push(ctx context.Context, a *cli.App, opts *pushOptions) error {
	l, err := lists.Read(a.Config, opts.List)
	if err != nil {
		return err
	}
	o := opts.ListPush
	o.Streams = image.Streams{Stdin: a.Stdin, Stdout: a.Stdout, Stderr: a.Stderr}
	o.Instances, o.Annotations = l.Instances, l.Annotations
	if o.To, err = destination(l.Name, opts.Destination); err != nil {
		return fmt.Errorf("push manifest list %q: %w", l.Name, err)
	}
	pushed, err := image.PushList(ctx, a.Config, o)
	if err != nil {
		return fmt.Errorf("push manifest list %q to %s: %w", l.Name, o.To, err)
	}
	fmt.Fprintln(a.Stdout, pushed.Digest)
	if opts.DigestFile != "" {
		if err := rcimage.WriteDigest(opts.DigestFile, pushed.Digest); err != nil {
			return err
		}
	}
	if opts.Remove {
		_, err = lists.Remove(ctx, a.Config, false, l.Name)
	}
	return err
}

// destination is where a list goes: by its own name if nothing else is said.
func destination(list, given string) (image.Location, error) {
	if given == "" {
		given = list
	}
	to, ok, err := image.ParseLocation(given)
	if err != nil {
		return to, err
	}
	if !ok {
		to = image.Location{Transport: image.TransportRegistry, Ref: given}
	}
	switch to.Transport {
	case image.TransportRegistry:
		n, err := index.ParseName(to.Ref)
		if err != nil {
			return to, err
		}
		if n.Domain == "localhost" {
			return to, errs.WithHint(errs.Invalidf("localhost/ is where rc keeps images of no registry"), "rc manifest push "+list+" REGISTRY/"+n.Path)
		}
		to.Ref = n.Tagged().String()
	case image.TransportStorage:
		return to, errs.Unsupportedf("%s: rc does not write into podman's store", to)
	}
	return to, nil
}
