package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
)

type mountOptions struct {
	Images []string
	All    bool
	Format string
}

// mountRow is a mounted image: podman's names in JSON, its columns in the table.
type mountRow struct {
	ID           string   `json:"id"`
	Names        []string `json:"Names"`
	Repositories []string `json:"Repositories"`
	Path         string   `json:"mountpoint"`
}

const mountTable = `{{.ID}}\t{{.Path}}`

func newMountCommand(a *cli.App, runF cli.RunFunc[mountOptions]) *cobra.Command {
	opts := &mountOptions{}
	cmd := &cobra.Command{
		Use:   "mount [options] [IMAGE...]",
		Short: "Mount images read-only, in rc unshare",
		Long: `Mounts images read-only and prints where; without arguments, lists what is mounted. It
works in rc unshare, and ends with that: rc unshare sh -c 'ls $(rc image mount alpine)'.
An image that is mounted is not removed, unless by rc rmi --force.`,
		Example: `rc image mount alpine
rc image mount --all
rc image mount --format json`,
		ValidArgsFunction: cli.CompleteImages(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Images = args
			if opts.All && len(args) > 0 {
				return errs.Invalidf("%s: --all together with %q", cmd.CommandPath(), args[0])
			}
			if err := format.Check(opts.Format, mountRow{}, format.Options{Table: mountTable}); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Mount all images")
	flags.StringVar(&opts.Format, "format", "", "table, json or a Go template")
	cli.CompleteFormat(cmd, mountRow{})
	return cmd
}

func mountImages(ctx context.Context, a *cli.App, opts *mountOptions) error {
	if err := files.NeedUnshare("image mount"); err != nil {
		return err
	}
	ix, err := image.Read(ctx, a.Config)
	if err != nil {
		return err
	}
	names := opts.Images
	if opts.All {
		all, err := ix.All()
		if err != nil {
			return err
		}
		for _, e := range all {
			names = append(names, e.ID)
		}
	}
	if len(names) == 0 {
		return listMounts(a, ix, opts)
	}
	var rows []mountRow
	var failed error
	for _, name := range names {
		row, err := mountOne(ctx, a, ix, name)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		rows = append(rows, row)
	}
	if len(names) == 1 && opts.Format == "" && !opts.All {
		for _, row := range rows {
			fmt.Fprintln(a.Stdout, row.Path)
		}
		return failed
	}
	return errors.Join(printMounts(a, rows, opts), failed)
}

func mountOne(ctx context.Context, a *cli.App, ix *index.Index, name string) (mountRow, error) {
	e, err := ix.Find(name)
	if err != nil {
		return mountRow{}, err
	}
	img, err := ix.Load(e)
	if err != nil {
		return mountRow{}, err
	}
	path, err := files.MountImage(ctx, a.Config, img)
	return mountedRow(e, path), err
}

func mountedRow(e index.Entry, path string) mountRow {
	return mountRow{ID: e.ID, Names: e.Names, Repositories: e.Names, Path: path}
}

func listMounts(a *cli.App, ix *index.Index, opts *mountOptions) error {
	ids, paths, err := files.ImageMounts(a.Config)
	if err != nil {
		return err
	}
	var rows []mountRow
	for i, id := range ids {
		e, err := ix.Find(id)
		if err != nil { // it was removed by force
			e = index.Entry{ID: id}
		}
		rows = append(rows, mountedRow(e, paths[i]))
	}
	return printMounts(a, rows, opts)
}

func printMounts(a *cli.App, rows []mountRow, opts *mountOptions) error {
	if !format.IsJSON(opts.Format) {
		for i := range rows { // podman calls them by their first name
			if len(rows[i].Names) > 0 {
				rows[i].ID = rows[i].Names[0]
			}
		}
	}
	return format.Print(a.Stdout, opts.Format, rows, format.Options{Table: mountTable, NoHeading: opts.Format == ""})
}

type unmountOptions struct {
	Images     []string
	All, Force bool
}

func newUnmountCommand(a *cli.App, runF cli.RunFunc[unmountOptions]) *cobra.Command {
	opts := &unmountOptions{}
	cmd := &cobra.Command{
		Use:     "unmount [options] IMAGE [IMAGE...]",
		Aliases: []string{"umount"},
		Short:   "Unmount what rc image mount mounted",
		Long: `Unmounts images, in the rc unshare that they were mounted in. With --force, also where a
process still uses the mount.`,
		Example: `rc image unmount alpine
rc image unmount --all`,
		ValidArgsFunction: cli.CompleteImages(a, 0),
		Args:              cli.NamesOr(&opts.All, "an image"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Images = args
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Unmount all images that are mounted here")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Unmount what is in use")
	return cmd
}

func unmountImages(ctx context.Context, a *cli.App, opts *unmountOptions) error {
	if err := files.NeedUnshare("image unmount"); err != nil {
		return err
	}
	var ids []string
	var failed error
	if opts.All {
		var err error
		if ids, _, err = files.ImageMounts(a.Config); err != nil {
			return err
		}
	}
	for _, name := range opts.Images {
		img, err := image.Resolve(ctx, a.Config, name, image.Platform{})
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		ids = append(ids, img.ID)
	}
	for _, id := range ids {
		if err := files.UnmountImage(a.Config, id, opts.Force); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		fmt.Fprintln(a.Stdout, id)
	}
	return failed
}
