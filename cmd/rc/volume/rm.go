package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/errs"
)

// Exit codes of rm, as podman-volume-rm(1) has them.
const (
	codeNoSuchVolume = 1
	codeInUse        = 2
)

type rmOptions struct {
	volumes.RemoveOptions
	Names []string
	All   bool
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	var seconds int
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
		ValidArgsFunction: cli.CompleteVolumes(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			switch {
			case opts.All && len(args) > 0:
				return errs.WithHint(errs.Invalidf("volume rm: names together with --all"), cmd.CommandPath()+" --help")
			case !opts.All && len(args) == 0:
				return errs.WithHint(errs.Invalidf("volume rm: name a volume, or --all"), cmd.CommandPath()+" --help")
			}
			if cmd.Flags().Changed("time") {
				if seconds < -1 {
					return errs.Invalidf("--time %d: want seconds, or -1 for no end", seconds)
				}
				timeout := uint(seconds)
				if seconds < 0 {
					timeout = noEnd
				}
				opts.Timeout, opts.Force = &timeout, true
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.All, "all", "a", false, "Remove all volumes")
	flags.BoolVarP(&opts.Force, "force", "f", false, "Remove the containers that use a volume first; one that is not there is no error")
	flags.IntVarP(&seconds, "time", "t", 10, "Seconds that its containers have to stop before they are killed; implies --force")
	return cmd
}

// noEnd is a time that does not come.
const noEnd = 40_000_000 // seconds; a year and a bit

func removeVolumes(ctx context.Context, a *cli.App, opts *rmOptions) error {
	root := container.Volumes(a.Config)
	names := opts.Names
	if opts.All {
		var err error
		if names, err = root.Names(); err != nil {
			return fmt.Errorf("volume rm: %w", err)
		}
	}
	_ = container.Sweep(ctx, a.Config) // what killed processes left shall not be in the way
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
	// The volumes are gone all the same; the next call tries again.
	if err := container.EmptyTrash(ctx, a.Config, 0); err != nil {
		fmt.Fprintln(a.Stderr, "Warning:", err)
	}
	return last(a, failed, rmCode)
}

func rmCode(err error) int {
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return codeNoSuchVolume
	case errors.Is(err, errs.ErrInUse):
		return codeInUse
	}
	return errs.CodeError
}
