package manifest

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	rcimage "github.com/rc-containers/rc/cmd/rc/image"
	"github.com/rc-containers/rc/pkg/image/lists"
)

type createOptions struct {
	Name        string
	Amend       bool
	Annotations map[string]string
	Add         addOptions
}

func newCreateCommand(a *cli.App, runF cli.RunFunc[createOptions]) *cobra.Command {
	opts := &createOptions{}
	var registry rcimage.RegistryFlags
	var given []string
	cmd := &cobra.Command{
		Use:   "create [options] LIST [IMAGE...]",
		Short: "Make a manifest list",
		Long: `Makes a manifest list, with the given images in it, and prints its full name. A short name belongs to
localhost. A list only names images: it is made of what they are when it is pushed.`,
		Example: `rc manifest create app
rc manifest create app:1.0 app:amd64 docker://registry.example.com/app:arm64`,
		Args:              cli.AtLeast(1, "the list"),
		ValidArgsFunction: complete(a, 0, images(a)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.Name = args[0]
			opts.Add.List, opts.Add.Images = args[0], args[1:]
			if opts.Annotations, err = annotations(given); err != nil {
				return err
			}
			if opts.Add.Registry, err = registry.Options(cmd.Flags(), a); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.Add.All, "all", false, "Add every image of the lists among the images")
	flags.BoolVarP(&opts.Amend, "amend", "a", false, "Go on with the list if there is one")
	flags.StringArrayVar(&given, "annotation", nil, "Annotate the list: KEY=VALUE")
	registry.Add(flags)
	return cmd
}

func create(ctx context.Context, a *cli.App, opts *createOptions) error {
	// What cannot be added is found before there is a list.
	found, err := opts.Add.look(ctx, a)
	if err != nil {
		return err
	}
	name, err := lists.Create(ctx, a.Config, opts.Name, opts.Amend, opts.Annotations)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		err = lists.Change(ctx, a.Config, name, func(l *lists.List) error {
			l.Add(found...)
			return nil
		})
	}
	if err == nil {
		fmt.Fprintln(a.Stdout, name)
	}
	return err
}
