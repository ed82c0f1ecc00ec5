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

type pauseOptions struct {
	selection.Selection
	// Unpause is the verb unpause.
	Unpause bool
}

func newPauseCommand(a *cli.App, runF cli.RunFunc[pauseOptions]) *cobra.Command {
	opts := &pauseOptions{}
	cmd := makePause(a, opts, runF)
	cmd.Use = "pause [options] CONTAINER [CONTAINER...]"
	cmd.Short = "Pause all processes of containers"
	cmd.Long = `Freezes all processes of containers, which go on where they were after rc unpause, and
prints what it was given. It needs the container's cgroup (freezer).`
	cmd.Example = `rc pause web
rc pause --all`
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest|selection.WithFilter|selection.WithCIDFile, "Pause", "all containers that run")
	return cmd
}

func newUnpauseCommand(a *cli.App, runF cli.RunFunc[pauseOptions]) *cobra.Command {
	opts := &pauseOptions{Unpause: true}
	cmd := makePause(a, opts, runF)
	cmd.Use = "unpause [options] CONTAINER [CONTAINER...]"
	cmd.Short = "Let the processes of paused containers go on"
	cmd.Long = `Lets all processes of paused containers go on where they were, and prints what it was
given.`
	cmd.Example = `rc unpause web
rc unpause --all`
	cmd.ValidArgsFunction = cli.CompleteContainers(a, 0, cli.Paused)
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest|selection.WithFilter|selection.WithCIDFile, "Unpause", "all containers that are paused")
	return cmd
}

func makePause(a *cli.App, opts *pauseOptions, runF cli.RunFunc[pauseOptions]) *cobra.Command {
	return &cobra.Command{
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Running),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
}

func pauseContainers(ctx context.Context, a *cli.App, opts *pauseOptions) error {
	root := records.Of(a.Config)
	verb, status, do := "pause", state.Running, lifecycle.Pause
	if opts.Unpause {
		verb, status, do = "unpause", state.Paused, lifecycle.Unpause
	}
	targets, err := opts.Find(verb, root, func(e state.Entry) bool { return e.Status == status })
	if err != nil {
		return err
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error { return do(ctx, root, t.ID) }, errs.Code)
}
