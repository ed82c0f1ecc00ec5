package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/stack"
)

type diffOptions struct {
	selection.Selection
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
		Use:   "diff [options] CONTAINER|IMAGE [CONTAINER|IMAGE]",
		Short: "Show what a container has changed in its image",
		Long: `Shows what a container has added (A), changed (C) and deleted (D) in the root
filesystem of its image, or what the topmost layer of an image has. A directory is
changed when something in it is. Volumes and what rc mounts are left out. The time
it takes grows with what was changed, not with the image.

With a second container or image, shows in what the first differs from that: by
type, owner, mode, size and time of each file.`,
		Example: `rc diff web
rc diff --format json web
rc diff -l --format '{{.Kind}}{{.Path}}'
rc diff app:2 app:1`,
		ValidArgsFunction: completeDiff(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return errs.WithHint(errs.Invalidf("diff: two can be compared, not %d", len(args)), "rc diff --help")
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			if err := format.Check(opts.Format, diffRow{}, format.Options{}); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithLatest, "Show", "")
	cmd.Flags().StringVar(&opts.Format, "format", "", "json or a Go template")
	cli.CompleteFormat(cmd, diffRow{})
	return cmd
}

// ImageDiffVerb is rc image diff.
func ImageDiffVerb(a *cli.App) cli.Verb {
	return cli.Verb{Name: "diff", Make: func() *cobra.Command {
		cmd := newDiffCommand(a, printDiff)
		cmd.Use, cmd.Short = "diff [options] IMAGE [IMAGE]", "Show what the topmost layer of an image changes, or in what two differ"
		cmd.Example = "rc image diff app:2\nrc image diff --format json app:2 app:1"
		cmd.ValidArgsFunction = cli.CompleteImages(a, 2)
		return cmd
	}}
}

func completeDiff(a *cli.App) cli.Completion {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		names, _ := cli.CompleteContainers(a, 2, cli.AnyState)(cmd, args, word)
		images, directive := cli.CompleteImages(a, 2)(cmd, args, word)
		return append(names, images...), directive
	}
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
	if len(o.Names) == 2 {
		return o.compare(a)
	}
	id, err := o.One("diff", a)
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
	c, err := records.Of(a.Config).Load(id)
	if err != nil {
		return nil, err
	}
	skeleton, err := container.Skeleton(a.Config.DataRoot)
	if err != nil {
		return nil, err
	}
	return files.ContainerDiff(records.Of(a.Config), c, skeleton)
}

// compare compares the first of two with the second.
func (o *diffOptions) compare(a *cli.App) ([]files.Change, error) {
	var trees [2]stack.Dir
	var points map[string]bool
	for i, name := range o.Names {
		layers, mounted, err := layersOf(a, name)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			points = mounted
		}
		if trees[i], err = stack.Open(layers...); err != nil {
			return nil, fmt.Errorf("diff %q: %w", name, err)
		}
		defer trees[i].Close()
	}
	return files.Compare(trees[1], trees[0], points)
}

// layersOf are the directories that make a container's or an image's root, topmost first, and what is
// mounted in it.
func layersOf(a *cli.App, name string) ([]string, map[string]bool, error) {
	root := records.Of(a.Config)
	id, err := root.FindID(name)
	if errors.Is(err, errs.ErrNotFound) {
		img, imageErr := findImage(a, name)
		if errors.Is(imageErr, errs.ErrNotFound) {
			return nil, nil, err
		}
		if imageErr != nil {
			return nil, nil, imageErr
		}
		return img.Lower, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := root.Load(id)
	if err != nil {
		return nil, nil, err
	}
	layers := c.Rootfs.Lower
	if c.Rootfs.Path != "" {
		layers = []string{c.Rootfs.Path}
	}
	return append([]string{filepath.Join(root.Dir(id), "upper")}, layers...), files.MountPoints(c), nil
}

func imageDiff(a *cli.App, name string) ([]files.Change, error) {
	img, err := findImage(a, name)
	if err != nil || len(img.Lower) == 0 {
		return nil, err
	}
	return files.LayerDiff(img.Lower[0], img.Lower[1:], nil)
}

func findImage(a *cli.App, name string) (*index.Image, error) {
	ix, err := index.Read(a.Config)
	if err != nil {
		return nil, err
	}
	e, err := ix.Find(name)
	if err != nil {
		return nil, err
	}
	return ix.Load(e)
}
