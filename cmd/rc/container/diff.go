package container

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/index"
)

type diffOptions struct {
	Selection
	Format string
}

// diffRow is a change as templates see it.
type diffRow struct {
	Kind string // A, C or D
	Path string
}

func newDiffCommand(a *cli.App, runF cli.RunFunc[diffOptions]) *cobra.Command {
	opts := &diffOptions{}
	cmd := &cobra.Command{
		Use:   "diff [options] CONTAINER|IMAGE",
		Short: "Show what a container has changed in its image",
		Long: `Shows what a container has added (A), changed (C) and deleted (D) in the root
filesystem of its image, or what the topmost layer of an image has. A directory is
changed when something in it is. Volumes and what rc mounts are left out. The time
it takes grows with what was changed, not with the image.`,
		Example: `rc diff web
rc diff --format json web
rc diff -l --format '{{.Kind}}{{.Path}}'`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			names, _ := cli.CompleteContainers(a, 1)(cmd, args, word)
			images, directive := cli.CompleteImages(a, 1)(cmd, args, word)
			return append(names, images...), directive
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errs.WithHint(errs.Unsupportedf("diff %q %q: a container is compared with its own image only", args[0], args[1]), "rc diff "+args[0])
			}
			if err := opts.check(cmd, args); err != nil {
				return err
			}
			if err := format.Check(opts.Format, diffRow{}, format.Options{}); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.add(a, cmd, withLatest, "Show", "")
	cmd.Flags().StringVar(&opts.Format, "format", "", "json or a Go template")
	cli.CompleteFormat(cmd, diffRow{})
	return cmd
}

func printDiff(ctx context.Context, a *cli.App, opts *diffOptions) error {
	if !a.InUserns {
		// What containers write can belong to subordinate ids.
		return a.Reexecute(ctx, os.Args[1:]...)
	}
	changes, err := opts.changes(a)
	if err != nil {
		return err
	}
	if format.IsJSON(opts.Format) {
		return format.PrintOne(a.Stdout, opts.Format, groupDiff(changes))
	}
	rows := make([]diffRow, 0, len(changes))
	for _, c := range changes {
		rows = append(rows, diffRow{c.Kind, c.Path})
	}
	text := opts.Format
	if text == "" {
		for i := range rows {
			rows[i].Path = format.Plain(rows[i].Path)
		}
		text = "{{.Kind}} {{.Path}}"
	}
	return format.Print(a.Stdout, text, rows, format.Options{})
}

// groupedDiff is podman's JSON.
type groupedDiff struct {
	Changed []string `json:"changed,omitempty"`
	Added   []string `json:"added,omitempty"`
	Deleted []string `json:"deleted,omitempty"`
}

func groupDiff(changes []files.Change) groupedDiff {
	var g groupedDiff
	for _, c := range changes {
		switch c.Kind {
		case files.Added:
			g.Added = append(g.Added, c.Path)
		case files.Changed:
			g.Changed = append(g.Changed, c.Path)
		case files.Deleted:
			g.Deleted = append(g.Deleted, c.Path)
		}
	}
	return g
}

// changes are those of the container, or image, that was named.
func (o *diffOptions) changes(a *cli.App) ([]files.Change, error) {
	id, err := o.one("diff", a)
	if errors.Is(err, errs.ErrNotFound) && !o.Latest {
		changes, imageErr := imageDiff(a, o.Names[0])
		if errors.Is(imageErr, errs.ErrNotFound) {
			return nil, err
		}
		return changes, imageErr
	}
	if err != nil {
		return nil, err
	}
	c, err := container.Records(a.Config).Load(id)
	if err != nil {
		return nil, err
	}
	skeleton, err := container.Skeleton(a.Config.DataRoot)
	if err != nil {
		return nil, err
	}
	return files.ContainerDiff(container.Records(a.Config), c, skeleton)
}

func imageDiff(a *cli.App, name string) ([]files.Change, error) {
	ix, err := index.Read(a.Config)
	if err != nil {
		return nil, err
	}
	e, err := ix.Find(name)
	if err != nil {
		return nil, err
	}
	img, err := ix.Load(e)
	if err != nil {
		return nil, err
	}
	if len(img.Lower) == 0 {
		return nil, nil
	}
	return files.LayerDiff(img.Lower[0], img.Lower[1:], nil)
}
