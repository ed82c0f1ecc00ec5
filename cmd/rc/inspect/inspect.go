package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/inspect"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/state"
)

// What --type of inspect can be.
const (
	both       = "all"
	containers = "container"
	images     = "image"
	volume     = "volume"
	network    = "network"
)

// types are the values of --type.
func types() []string { return []string{both, containers, images, network, volume} }

type options struct {
	Names        []string
	Type, Format string
	Size, Latest bool
}

// Verb is rc inspect.
func Verb(a *cli.App) cli.Verb { return verb(a, both) }

// ContainerVerb is rc container inspect.
func ContainerVerb(a *cli.App) cli.Verb { return verb(a, containers) }

// ImageVerb is rc image inspect.
func ImageVerb(a *cli.App) cli.Verb { return verb(a, images) }

func verb(a *cli.App, kind string) cli.Verb {
	return cli.Verb{Name: "inspect", Make: func() *cobra.Command { return newCommand(a, kind, show) }}
}

// texts are what the help of a command says.
type texts struct{ short, long, example, names string }

// help is that of rc inspect, rc container inspect and rc image inspect, by kind.
var help = map[string]texts{
	both: {
		short: "Show all that is known of containers, images, volumes or networks",
		long: `Shows containers, images, volumes and networks as a JSON array with podman's fields, or
through a Go template. A name that several have is that of the first of these.`,
		example: `rc inspect web
rc inspect --format '{{.State.Status}} {{.State.ExitCode}}' web
rc inspect --type image --format '{{json .Config.Env}}' alpine`,
		names: "a container, an image, a volume or a network",
	},
	containers: {
		short: "Show all that is known of containers",
		long:  `Shows containers as a JSON array with podman's fields, or through a Go template.`,
		example: `rc container inspect web
rc container inspect --size --format '{{.SizeRw}}' web
rc container inspect --format '{{.State.Status}} {{.State.ExitCode}}' --latest`,
		names: "a container",
	},
	images: {
		short: "Show all that is known of images",
		long:  `Shows images as a JSON array with podman's fields, or through a Go template.`,
		example: `rc image inspect alpine
rc image inspect --format '{{json .Config.Env}}' alpine`,
		names: "an image",
	},
}

// newCommand is rc inspect with kind all, rc container inspect and rc image inspect with theirs.
func newCommand(a *cli.App, kind string, runF cli.RunFunc[options]) *cobra.Command {
	opts, text := &options{Type: kind}, help[kind]
	cmd := &cobra.Command{
		Use:     "inspect [options] NAME [NAME...]",
		Short:   text.short,
		Long:    text.long,
		Example: text.example,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			if err := opts.check(cmd.CommandPath(), text.names); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	if kind == both {
		flags.StringVarP(&opts.Type, "type", "t", kind, "What to look for: all, container, image, network or volume")
		cli.Must(cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(types(), cobra.ShellCompDirectiveNoFileComp)))
	}
	if kind != images {
		flags.BoolVarP(&opts.Size, "size", "s", false, "Measure how much a container has written")
		flags.BoolVarP(&opts.Latest, "latest", "l", false, "Show the newest container")
	}
	if kind == images {
		cli.CompleteFormat(cmd, imageInspection{})
	} else {
		cli.CompleteFormat(cmd, inspect.Container{})
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, complete := range opts.completions(a) {
			more, _ := complete(cmd, args, word)
			names = append(names, more...)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

func (o *options) completions(a *cli.App) []cli.Completion {
	switch o.Type {
	case containers:
		return []cli.Completion{cli.CompleteContainers(a, 0, cli.AnyState)}
	case images:
		return []cli.Completion{cli.CompleteImages(a, 0)}
	case volume:
		return []cli.Completion{cli.CompleteVolumes(a, 0)}
	case network:
		return []cli.Completion{cli.CompleteNetworks(a, 0)}
	}
	return []cli.Completion{
		cli.CompleteContainers(a, 0, cli.AnyState), cli.CompleteImages(a, 0), cli.CompleteVolumes(a, 0), cli.CompleteNetworks(a, 0),
	}
}

// check is of what the command, called path, was given; wanted says what it takes.
func (o *options) check(path, wanted string) error {
	if !slices.Contains(types(), o.Type) {
		return errs.Invalidf("--type %q: want one of %s", o.Type, strings.Join(types(), ", "))
	}
	switch {
	case o.Latest && len(o.Names) > 0:
		return errs.WithHint(errs.Invalidf("%s: names together with --latest", path), path+" --help")
	case o.Latest && o.Type != both && o.Type != containers:
		return errs.Invalidf("--latest: together with --type %s", o.Type)
	case !o.Latest && len(o.Names) == 0:
		return errs.WithHint(errs.Invalidf("%s: name %s", path, wanted), path+" --help")
	}
	return o.checkFormat()
}

// checkFormat takes a template that any of the possible rows takes.
func (o *options) checkFormat() error {
	rows := map[string]any{containers: inspect.Container{}, images: imageInspection{}, volume: volumes.Inspection{}, network: networks.Inspection{}}
	if row, one := rows[o.Type]; one {
		return format.Check(o.Format, row, format.Options{})
	}
	for _, row := range rows {
		if format.Check(o.Format, row, format.Options{}) == nil {
			return nil
		}
	}
	return format.Check(o.Format, rows[containers], format.Options{})
}

func show(ctx context.Context, a *cli.App, opts *options) error {
	if opts.Size && !a.InUserns {
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	found, failed := opts.gather(ctx, a)
	if err := cli.PrintEach(a.Stdout, opts.Format, found); err != nil {
		return err
	}
	return cli.Last(a, failed, errs.Code)
}

// gather looks for everything that was named.
func (o *options) gather(ctx context.Context, a *cli.App) (found []any, failed []error) {
	found = []any{}
	names := o.Names
	if o.Latest {
		entries, _ := records.List(records.Of(a.Config), records.ListOptions{All: true, Last: 1})
		if len(entries) == 0 {
			return found, []error{fmt.Errorf("inspect --latest: there is no container: %w", errs.ErrNotFound)}
		}
		names = []string{entries[0].ID}
	}
	for _, name := range names {
		v, err := o.one(ctx, a, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, v)
	}
	return found, failed
}

func (o *options) one(ctx context.Context, a *cli.App, name string) (any, error) {
	looks := []struct {
		kind string
		look func() (any, error)
	}{
		{containers, func() (any, error) {
			root := records.Of(a.Config)
			e, err := root.Find(name)
			if err != nil {
				return nil, err
			}
			return o.container(a, root, e)
		}},
		{images, func() (any, error) {
			ix, err := image.Read(ctx, a.Config)
			if err != nil {
				return nil, err
			}
			e, err := ix.Find(name)
			switch {
			case errors.Is(err, errs.ErrNotFound):
				return nil, errs.WithHint(err, "rc pull "+name)
			case err != nil:
				return nil, err
			}
			return inspectImage(a.Config, ix, e)
		}},
		{volume, func() (any, error) {
			e, err := volumes.Find(a.Config, name)
			if err != nil {
				return nil, err
			}
			if o.Type == both && e.Name != name { // who asks whether there is something means no beginning of it
				return nil, errs.ErrNotFound
			}
			return e.Inspection(), nil
		}},
		{network, func() (any, error) { return networks.Inspect(a.Config, name) }},
	}
	for _, l := range looks {
		if o.Type != both && o.Type != l.kind {
			continue
		}
		v, err := l.look()
		if err == nil || o.Type != both || !errors.Is(err, errs.ErrNotFound) && (l.kind == containers || !errors.Is(err, errs.ErrInvalid)) {
			return v, err
		}
	}
	return nil, errs.WithHint(fmt.Errorf("inspect %q: no container, image, volume or network has this name or id: %w", name, errs.ErrNotFound),
		"rc ps -a, rc images, rc volume ls, rc network ls")
}

func (o *options) container(a *cli.App, root state.Root, e *state.Entry) (*inspect.Container, error) {
	i, err := inspect.Of(root, e)
	if err != nil || !o.Size {
		return i, err
	}
	written, err := records.WrittenSize(root, e.ID)
	if err != nil {
		return nil, fmt.Errorf("size of container %q: %w", e.Name, err)
	}
	total := written + records.ImageSize(a.Config, e.ImageID)
	i.SizeRw, i.SizeRootFs = &written, &total
	return i, nil
}
