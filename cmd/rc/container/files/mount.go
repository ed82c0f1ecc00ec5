package files

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/files"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/state"
)

type mountOptions struct {
	selection.Selection
	Format  string
	NoTrunc bool
}

func newMountCommand(a *cli.App, runF cli.RunFunc[mountOptions]) *cobra.Command {
	opts := &mountOptions{}
	cmd := &cobra.Command{
		Use:   "mount [options] [CONTAINER...]",
		Short: "Mount the root filesystem of containers, in rc unshare",
		Long: `Mounts the root filesystem of containers that do not run and prints where; without
arguments, lists what is mounted. It works in rc unshare, and ends with that:
rc unshare sh -c 'ls $(rc mount web)'. A container that is mounted cannot be
started. Volumes are not mounted in it.`,
		Example: `rc mount web
rc mount --all
rc mount --format json`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			list := len(args) == 0 && !opts.All && !opts.Latest
			if !list {
				if err := opts.Check(cmd, args); err != nil {
					return err
				}
				if opts.Format != "" {
					return errs.WithHint(errs.Invalidf("mount: --format is for the list, without containers"), cmd.CommandPath()+" --help")
				}
			}
			if err := format.Check(opts.Format, mountRow{}, format.Options{Table: mountTable}); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Mount", "containers that do not run")
	flags := cmd.Flags()
	flags.StringVar(&opts.Format, "format", "", "table, json or a Go template, for the list")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show ids in full")
	flags.BoolVar(&opts.NoTrunc, "notruncate", false, "The same")
	cli.CompleteFormat(cmd, mountRow{})
	return cmd
}

// mountTable is how mounts are listed.
const mountTable = `{{.ID}}\t{{.Path}}`

// mountRow is a mounted container, with podman's names in JSON.
type mountRow struct {
	ID    string   `json:"id"`
	Names []string `json:"Names"`
	Path  string   `json:"mountpoint"`
}

func mountContainers(ctx context.Context, a *cli.App, opts *mountOptions) error {
	if err := files.NeedUnshare("mount"); err != nil {
		return err
	}
	if len(opts.Names) == 0 && !opts.All && !opts.Latest {
		return opts.list(a)
	}
	targets, err := opts.Find("mount", records.Of(a.Config), func(e state.Entry) bool { return !e.Alive() })
	if err != nil {
		return err
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) (err error) {
		t.Said, err = files.Mount(ctx, a.Config, t.ID)
		return err
	}, errs.Code)
}

func (o *mountOptions) list(a *cli.App) error {
	entries, paths, broken := files.Mounts(a.Config)
	for _, err := range broken {
		a.Warn(err)
	}
	rows := make([]mountRow, 0, len(entries))
	for i, e := range entries {
		row := mountRow{ID: e.ID, Names: []string{e.Name}, Path: paths[i]}
		if !o.NoTrunc && !format.IsJSON(o.Format) {
			row.ID = format.ShortID(e.ID)
		}
		rows = append(rows, row)
	}
	return format.Print(a.Stdout, o.Format, rows, format.Options{Table: mountTable, NoHeading: o.Format == ""})
}

type unmountOptions struct {
	selection.Selection
	Force bool
}

func newUnmountCommand(a *cli.App, runF cli.RunFunc[unmountOptions]) *cobra.Command {
	opts := &unmountOptions{}
	cmd := &cobra.Command{
		Use:     "unmount [options] CONTAINER [CONTAINER...]",
		Aliases: []string{"umount"},
		Short:   "Unmount what rc mount mounted",
		Long: `Unmounts the root filesystem of containers, in the rc unshare that they were mounted
in. With --force, also where a process still uses it.`,
		Example: `rc unmount web
rc unmount --all`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Unmount", "containers that are mounted here")
	cmd.Flags().BoolVarP(&opts.Force, "force", "f", false, "Unmount what is in use")
	return cmd
}

func unmountContainers(ctx context.Context, a *cli.App, opts *unmountOptions) error {
	if err := files.NeedUnshare("unmount"); err != nil {
		return err
	}
	var targets []*selection.Target
	if opts.All {
		entries, _, broken := files.Mounts(a.Config)
		for _, e := range entries {
			targets = append(targets, &selection.Target{Said: e.ID, ID: e.ID})
		}
		for _, err := range broken {
			targets = append(targets, &selection.Target{Err: err})
		}
	} else {
		var err error
		if targets, err = opts.Find("unmount", records.Of(a.Config), selection.AnyState); err != nil {
			return err
		}
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		err := files.Unmount(ctx, a.Config, t.ID, opts.Force)
		if opts.All && errors.Is(err, files.ErrNotMounted) {
			return nil // somebody else was faster
		}
		return err
	}, errs.Code)
}
