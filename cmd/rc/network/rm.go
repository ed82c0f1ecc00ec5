package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/networks"
	"github.com/rc-containers/rc/pkg/errs"
)

// Exit codes of rm, as podman-network-rm(1) has them.
const (
	codeNoSuchNetwork = 1
	codeInUse         = 2
)

type rmOptions struct {
	networks.RemoveOptions

	Names []string
}

func newRmCommand(a *cli.App, runF cli.RunFunc[rmOptions]) *cobra.Command {
	opts := &rmOptions{}
	seconds := 0
	cmd := &cobra.Command{
		Use:     "rm [options] NETWORK [NETWORK...]",
		Aliases: []string{"remove"},
		Short:   "Remove networks",
		Long: `Removes networks by name, id or the beginning of an id, and prints what it was given. A
network that containers are made for is removed with --force only, which removes
them first.

The exit code is 1 if a network was not there, 2 if one is in use, 125 for another
error; the other networks are removed all the same.`,
		Example: `rc network rm web backend
rc network rm --force --time 2 web`,
		Args:              cli.AtLeast(1, "the network"),
		ValidArgsFunction: cli.CompleteNetworks(a, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Names = args
			if cmd.Flags().Changed("time") {
				if seconds < -1 {
					return errs.Invalidf("--time %d: want seconds, or -1 for no limit", seconds)
				}
				if opts.Timeout = new(uint(max(seconds, 0))); seconds < 0 {
					opts.Timeout = new(uint(40_000_000)) // a year and a bit is as good as for ever
				}
				opts.Force = true
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Force, "force", "f", false, "Remove the containers on it first; one that is not there is no error")
	flags.IntVarP(&seconds, "time", "t", 0,
		"Seconds between the stop signal of a container and SIGKILL, -1 for no limit; implies --force (default the container's own, 10)")
	return cmd
}

func remove(ctx context.Context, a *cli.App, opts *rmOptions) error {
	var all error
	code := 0
	for _, name := range opts.Names {
		_, err := networks.Remove(ctx, a.Config, name, opts.RemoveOptions)
		switch {
		case err == nil || errors.Is(err, errs.ErrNotFound) && opts.Force:
			fmt.Fprintln(a.Stdout, name)
		default:
			all = errors.Join(all, err)
			code = max(code, rmCode(err))
		}
	}
	if opts.Force {
		if err := container.EmptyTrash(ctx, a.Config, 0); err != nil {
			fmt.Fprintln(a.Stderr, "Warning:", err) // the next call tries again
		}
	}
	return errs.WithCode(all, code)
}

func rmCode(err error) int {
	switch {
	case errors.Is(err, errs.ErrNotFound):
		return codeNoSuchNetwork
	case errors.Is(err, errs.ErrInUse):
		return codeInUse
	}
	return errs.CodeError
}
