package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/state"
)

type restartOptions struct {
	selection.Selection
	Running bool
	lifecycle.StopOptions
}

func newRestartCommand(a *cli.App, runF cli.RunFunc[restartOptions]) *cobra.Command {
	opts := &restartOptions{}
	var timeout cli.StopTimeout
	signal := ""
	cmd := &cobra.Command{
		Use:   "restart [options] CONTAINER [CONTAINER...]",
		Short: "Stop containers and start them again",
		Long: `Stops each container as rc stop does, starts it again, and prints what it was given. One
that does not run is started.`,
		Example: `rc restart web
rc restart --time 2 web db
rc restart --running`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Timeout, err = timeout.Value(cmd); err != nil {
				return err
			}
			if opts.Signal, err = stopSignal(signal); err != nil {
				return err
			}
			// By itself it is all of those that run.
			if opts.Running && len(args)+len(opts.CIDFiles)+len(opts.Filters) == 0 && !opts.Latest {
				opts.All = true
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest|selection.WithFilter|selection.WithCIDFile, "Restart", "all containers")
	cmd.Flags().BoolVar(&opts.Running, "running", false, "Restart only those that run")
	timeout.Add(cmd, "")
	addStopSignal(cmd, &signal)
	return cmd
}

func restartContainers(ctx context.Context, a *cli.App, opts *restartOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("restart", root, func(e state.Entry) bool { return !opts.Running || e.Status == state.Running })
	if err != nil {
		return err
	}
	if opts.Running {
		targets = running(root, targets)
	}
	streams := a.Streams()
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		return container.Restart(ctx, a.Config, t.ID, opts.StopOptions, streams)
	}, errs.Code)
}

// running leaves out named containers that do not run.
func running(root state.Root, targets []*selection.Target) []*selection.Target {
	var out []*selection.Target
	for _, t := range targets {
		if t.Err == nil {
			if e, err := root.Find(t.ID); err == nil && e.Status != state.Running {
				continue
			}
		}
		out = append(out, t)
	}
	return out
}
