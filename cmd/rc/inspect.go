package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/index"
)

// What --type of inspect can be.
const (
	inspectAll       = "all"
	inspectContainer = "container"
	inspectImage     = "image"
)

type inspectOptions struct {
	Names        []string
	Type, Format string
	Size, Latest bool
}

// newInspectCommand is rc inspect with kind all, rc container inspect and rc image inspect
// with theirs.
func newInspectCommand(a *app, kind string, runF runFunc[inspectOptions]) *cobra.Command {
	opts := &inspectOptions{Type: kind}
	cmd := &cobra.Command{
		Use:   "inspect [options] NAME [NAME...]",
		Short: "Show all that is known of containers or images",
		Long: `Shows containers and images as a JSON array with podman's fields, or through a Go
template. A name that both a container and an image have is the container's.`,
		Example: `rc inspect web
rc inspect --format '{{.State.Status}} {{.State.ExitCode}}' web
rc inspect --type image --format '{{json .Config.Env}}' alpine`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			if err := opts.check(); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.Format, "format", "f", "", "json or a Go template")
	if kind == inspectAll {
		flags.StringVarP(&opts.Type, "type", "t", kind, "What to look for: all, container or image")
		must(cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions([]string{inspectAll, inspectContainer, inspectImage}, cobra.ShellCompDirectiveNoFileComp)))
	}
	if kind != inspectImage {
		flags.BoolVarP(&opts.Size, "size", "s", false, "Measure how much a container has written")
		flags.BoolVarP(&opts.Latest, "latest", "l", false, "Show the newest container")
	}
	completeFormat(cmd, container.Inspection{})
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

func (o *inspectOptions) completions(a *app) []completion {
	switch o.Type {
	case inspectContainer:
		return []completion{completeContainers(a, 0)}
	case inspectImage:
		return []completion{completeImages(a, 0)}
	}
	return []completion{completeContainers(a, 0), completeImages(a, 0)}
}

func (o *inspectOptions) check() error {
	switch o.Type {
	case inspectAll, inspectContainer, inspectImage:
	default:
		return fmt.Errorf("--type %q: %w: want all, container or image", o.Type, errs.ErrInvalid)
	}
	switch {
	case o.Latest && len(o.Names) > 0:
		return errs.WithHint(fmt.Errorf("inspect: names together with --latest: %w", errs.ErrInvalid), "rc inspect --help")
	case o.Latest && o.Type == inspectImage:
		return fmt.Errorf("--latest: with --type image: %w", errs.ErrInvalid)
	case !o.Latest && len(o.Names) == 0:
		return errs.WithHint(fmt.Errorf("inspect: name a container or an image: %w", errs.ErrInvalid), "rc inspect --help")
	}
	return o.checkFormat()
}

// checkFormat takes a template that any of the possible rows takes.
func (o *inspectOptions) checkFormat() error {
	asContainer := format.Check(o.Format, container.Inspection{}, format.Options{})
	asImage := format.Check(o.Format, imageInspection{}, format.Options{})
	switch {
	case o.Type == inspectImage:
		return asImage
	case o.Type == inspectContainer || asContainer != nil && asImage != nil:
		return asContainer
	}
	return nil
}

func printInspection(ctx context.Context, a *app, opts *inspectOptions) error {
	if opts.Size && !a.inUserns {
		return reexecute(ctx, a, os.Args[1:])
	}
	found, failed := opts.gather(a)
	if opts.Format == "" || format.IsJSON(opts.Format) {
		if err := format.Print(a.stdout, "json", found, format.Options{}); err != nil {
			return err
		}
	} else {
		for _, v := range found {
			if err := format.PrintOne(a.stdout, opts.Format, v); err != nil {
				return err
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	for _, err := range failed[:len(failed)-1] {
		report(a.stderr, err)
	}
	return failed[len(failed)-1]
}

// gather looks for everything that was named.
func (o *inspectOptions) gather(a *app) (found []any, failed []error) {
	found = []any{}
	names := o.Names
	if o.Latest {
		entries, _ := container.List(container.Records(a.cfg), container.ListOptions{All: true, Last: 1})
		if len(entries) == 0 {
			return found, []error{fmt.Errorf("inspect --latest: there is no container: %w", errs.ErrNotFound)}
		}
		names = []string{entries[0].ID}
	}
	for _, name := range names {
		v, err := o.one(a, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, v)
	}
	return found, failed
}

func (o *inspectOptions) one(a *app, name string) (any, error) {
	if o.Type != inspectImage {
		root := container.Records(a.cfg)
		e, err := root.Find(name)
		if err == nil {
			i, err := container.Inspect(root, e, o.Size)
			if err == nil && i.SizeRw != nil {
				total := *i.SizeRw + imageSize(a, e.ImageID)
				i.SizeRootFs = &total
			}
			return i, err
		}
		if o.Type == inspectContainer || !errors.Is(err, errs.ErrNotFound) {
			return nil, err
		}
	}
	ix, err := index.Read(a.cfg)
	if err != nil {
		return nil, err
	}
	e, err := ix.Find(name)
	switch {
	case err == nil:
		return inspectImageOf(a.cfg, ix, e)
	case errors.Is(err, errs.ErrNotFound) && o.Type == inspectImage:
		return nil, errs.WithHint(err, "rc pull "+name)
	case errors.Is(err, errs.ErrNotFound) || o.Type == inspectAll && errors.Is(err, errs.ErrInvalid):
		return nil, errs.WithHint(fmt.Errorf("inspect %q: no container and no image has this name or id: %w", name, errs.ErrNotFound), "rc ps -a, rc images")
	}
	return nil, err
}
