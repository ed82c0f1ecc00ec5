package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

type cleanupOptions struct {
	selection.Selection
	Remove, StoppedOnly bool
}

func newCleanupCommand(a *cli.App, runF cli.RunFunc[cleanupOptions]) *cobra.Command {
	opts := &cleanupOptions{}
	cmd := &cobra.Command{
		Use:   "cleanup [options] CONTAINER [CONTAINER...]",
		Short: "Take away what killed processes left of containers",
		Long: `Completes the records of containers whose shim was killed, takes away what it left, and
prints what it was given. It is seldom needed: every call of rc does it by the way.`,
		Example: `rc container cleanup web
rc container cleanup --all`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Stopped),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Clean up", "all containers that do not run")
	flags := cmd.Flags()
	flags.BoolVar(&opts.Remove, "rm", false, "Remove the container, too")
	flags.BoolVar(&opts.StoppedOnly, "stopped-only", false, "Leave a container that runs alone, without an error")
	return cmd
}

func cleanUpContainers(ctx context.Context, a *cli.App, opts *cleanupOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("cleanup", root, func(e state.Entry) bool { return !e.Alive() })
	if err != nil {
		return err
	}
	err = opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		if e, err := root.Find(t.ID); err == nil && opts.StoppedOnly && e.Alive() {
			return nil
		}
		err := lifecycle.Cleanup(ctx, root, t.ID)
		if err == nil && opts.Remove {
			err = lifecycle.Remove(ctx, root, t.ID, lifecycle.RemoveOptions{})
		}
		return err
	}, errs.Code)
	if opts.Remove {
		a.EmptyTrash(ctx)
	}
	return err
}
