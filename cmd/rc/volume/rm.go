package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/errs"
)

type rmOptions struct {
	volumes.RemoveOptions
	Names []string
	All   bool
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	var timeout cli.StopTimeout
	cmd := &cobra.Command{
		Use:     "rm [options] VOLUME [VOLUME...]",
		Aliases: []string{"remove"},
		Short:   "Remove volumes",
		Long: `Removes volumes with all that is in them, and prints their names. One that a container
has, be it stopped, is removed with --force only, which removes its containers first.
The directory of a volume that is one of the host's stays. Files are deleted in the
background.

The exit code is 1 if a volume was not there, 2 if one is in use, 125 for another
error; the other volumes are removed all the same.`,
		Example: `rc volume rm data
rc volume rm --force --time 2 data cache
rc volume rm --all`,
		Args:              cli.NamesOr(&opts.All, "a volume"),
		ValidArgsFunction: cli.CompleteVolumes(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			var err error
			if opts.Timeout, err = timeout.Value(cmd); err != nil {
				return err
			}
			opts.Force = opts.Force || opts.Timeout != nil
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Remove all volumes")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Remove the containers that use a volume first; one that is not there is no error")
	timeout.Add(cmd, "; implies --force")
	return cmd
}

func removeVolumes(ctx context.Context, a *cli.App, opts *rmOptions) error {
	root := records.Volumes(a.Config)
	names := opts.Names
	if opts.All {
		var err error
		if names, err = root.Names(); err != nil {
			return fmt.Errorf("volume rm: %w", err)
		}
	}
	_ = lifecycle.Sweep(ctx, a.Config) // what killed processes left shall not be in the way
	_ = root.Sweep()
	var failed []error
	for _, name := range names {
		found, err := volumes.Remove(ctx, a.Config, name, opts.RemoveOptions)
		switch {
		case err == nil:
			fmt.Fprintln(a.Stdout, found)
		case errors.Is(err, errs.ErrNotFound) && (opts.Force || opts.All):
		default:
			failed = append(failed, err)
		}
	}
	a.EmptyTrash(ctx)
	return cli.Last(a, failed, cli.RemovalCode)
}
