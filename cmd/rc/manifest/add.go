package manifest

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	rcimage "github.com/rc-containers/rc/cmd/rc/image"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/image/lists"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// addOptions are those of add; create has them, too.
type addOptions struct {
	List     string
	Images   []string
	All      bool
	Change   change
	Registry image.Registry
}

// change is what a user wants to be said of an image in a list.
type change struct {
	Annotations                  map[string]string
	Arch, OS, OSVersion, Variant string
	OSFeatures, Features         []string
}

// changeFlags are the flags for it.
type changeFlags struct {
	change
	given []string
}

func (c *changeFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&c.given, "annotation", nil, "Annotate the image: KEY=VALUE")
	flags.StringVar(&c.Arch, "arch", "", "Say that the image is for this architecture")
	flags.StringVar(&c.OS, "os", "", "Say that the image is for this operating system")
	flags.StringVar(&c.OSVersion, "os-version", "", "Say that it needs this version of it")
	flags.StringVar(&c.Variant, "variant", "", "Say that it is for this variant of the architecture")
	flags.StringSliceVar(&c.OSFeatures, "os-features", nil, "Say that it needs these features of the operating system")
	flags.StringSliceVar(&c.Features, "features", nil, "Say that it needs these features of the processor; only docker's lists (v2s2) have them")
}

func (c *changeFlags) options() (_ change, err error) {
	c.Annotations, err = annotations(c.given)
	c.Arch = parse.Arch(c.Arch)
	return c.change, err
}

// apply changes an instance.
func (c change) apply(i *image.Instance) {
	for k, v := range c.Annotations {
		if i.Annotations == nil {
			i.Annotations = map[string]string{}
		}
		i.Annotations[k] = v
	}
	p := image.InstancePlatform{}
	if i.Platform != nil {
		p = *i.Platform
	}
	for _, f := range []struct {
		to    *string
		value string
	}{{&p.Arch, c.Arch}, {&p.OS, c.OS}, {&p.OSVersion, c.OSVersion}, {&p.Variant, c.Variant}} {
		if f.value != "" {
			*f.to = f.value
		}
	}
	if len(c.OSFeatures) > 0 {
		p.OSFeatures = c.OSFeatures
	}
	if len(c.Features) > 0 {
		p.Features = c.Features
	}
	if p.Arch != "" || p.OS != "" {
		i.Platform = &p
	}
}

func newAddCommand(a *cli.App, runF cli.RunFunc[addOptions]) *cobra.Command {
	opts := &addOptions{}
	var registry rcimage.RegistryFlags
	var changes changeFlags
	cmd := &cobra.Command{
		Use:   "add [options] LIST IMAGE [IMAGE...]",
		Short: "Add images to a manifest list",
		Long: `Adds images to a manifest list: those that are here, or docker://NAME in a registry, which is not fetched. Of
a list in a registry the image for this machine is added, or that for --os and --arch, or --all.`,
		Example: `rc manifest add app app:amd64
rc manifest add --arch arm64 --variant v8 app registry.example.com/app:arm
rc manifest add --all app docker://registry.example.com/app:1.0`,
		Args:              cli.AtLeast(2, "the list or the image"),
		ValidArgsFunction: complete(a, 0, images(a)),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			opts.List, opts.Images = args[0], args[1:]
			if artifact, _ := cmd.Flags().GetBool("artifact"); artifact {
				return errs.WithHint(errs.Unsupportedf("--artifact: rc adds images to lists, not other files"), "oras push, then rc manifest add LIST docker://NAME")
			}
			if opts.Change, err = changes.options(); err != nil {
				return err
			}
			if opts.Registry, err = registry.Options(cmd.Flags(), a); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.All, "all", false, "Add every image of a list")
	flags.Bool("artifact", false, "Refused: rc adds images only")
	cli.Must(flags.MarkHidden("artifact"))
	changes.add(flags)
	registry.Add(flags)
	return cmd
}

func add(ctx context.Context, a *cli.App, opts *addOptions) error {
	if _, err := lists.Read(a.Config, opts.List); err != nil {
		return err
	}
	found, err := opts.look(ctx, a)
	if err != nil {
		return err
	}
	return changed(ctx, a, opts.List, func(l *lists.List) error {
		l.Add(found...)
		return nil
	})
}

// changed changes a list and prints its full name.
func changed(ctx context.Context, a *cli.App, name string, do func(*lists.List) error) error {
	full := ""
	err := lists.Change(ctx, a.Config, name, func(l *lists.List) error {
		full = l.Name
		return do(l)
	})
	if err == nil {
		fmt.Fprintln(a.Stdout, full)
	}
	return err
}

// look describes the images: the one in the store, else in a registry.
func (o *addOptions) look(ctx context.Context, a *cli.App) ([]image.Instance, error) {
	var found []image.Instance
	for _, name := range o.Images {
		looked, err := o.one(ctx, a, name)
		if err != nil {
			return nil, fmt.Errorf("manifest list %q: add %s: %w", o.List, name, err)
		}
		for _, i := range looked {
			o.Change.apply(&i)
			found = append(found, i)
		}
	}
	return found, nil
}

func (o *addOptions) one(ctx context.Context, a *cli.App, name string) ([]image.Instance, error) {
	l, ok, err := image.ParseLocation(name)
	switch {
	case err != nil:
		return nil, err
	case ok && l.Transport == image.TransportStorage && l.Path == "":
		name, ok = l.Ref, false // podman's way to say: the one here
	case ok && l.Transport != image.TransportRegistry:
		return nil, errs.WithHint(errs.Unsupportedf("a list names images here and in registries"), "rc pull "+name+", and add what that prints")
	}
	if !ok {
		here, err := image.Resolve(ctx, a.Config, name, image.Platform{})
		if err == nil {
			looked, err := image.Look(ctx, a.Config, image.LookRequest{ID: here.ID}, image.Streams{})
			return looked.Instances, err
		}
		if !errors.Is(err, errs.ErrNotFound) {
			return nil, err
		}
		l.Ref = name
	}
	looked, err := image.Look(ctx, a.Config, image.LookRequest{
		Name: l.Ref, All: o.All, Platform: image.Platform{OS: o.Change.OS, Arch: o.Change.Arch, Variant: o.Change.Variant}, Registry: o.Registry,
	}, image.Streams{})
	return looked.Instances, err
}
