package container

import (
	"context"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

type stopOptions struct {
	selection.Selection
	lifecycle.StopOptions
}

func newStopCommand(a *cli.App, runF cli.RunFunc[stopOptions]) *cobra.Command {
	opts := &stopOptions{}
	var timeout cli.StopTimeout
	signal := ""
	cmd := &cobra.Command{
		Use:   "stop [options] CONTAINER [CONTAINER...]",
		Short: "Stop containers",
		Long: `Sends containers their stop signal, and SIGKILL when their time is over, waits until
they have ended, and prints what it was given. One that does not run is stopped
already. A container that was stopped is not restarted by its restart policy.`,
		Example: `rc stop web
rc stop --time 2 web db
rc stop --all
rc stop --filter label=team=red`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Alive),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Timeout, err = timeout.Value(cmd); err != nil {
				return err
			}
			if opts.Signal, err = stopSignal(signal); err != nil {
				return err
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest|selection.WithFilter|selection.WithCIDFile|selection.WithIgnore, "Stop", "all containers that run")
	timeout.Add(cmd, "")
	addStopSignal(cmd, &signal)
	return cmd
}

// addStopSignal declares docker's flag.
func addStopSignal(cmd *cobra.Command, signal *string) {
	cmd.Flags().StringVarP(signal, "signal", "s", "", "Signal that asks it to end, by name or number (default the container's own)")
}

// stopSignal is what was given, 0 for nothing.
func stopSignal(name string) (unix.Signal, error) {
	if name == "" {
		return 0, nil
	}
	signal, err := linux.Signal(name)
	if err != nil {
		return 0, errs.Invalidf("--signal %q: want a name as in kill -l, or a number", name)
	}
	return signal, nil
}

func stopContainers(ctx context.Context, a *cli.App, opts *stopOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("stop", root, selection.Alive)
	if err != nil {
		return err
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		return lifecycle.Stop(ctx, root, t.ID, opts.StopOptions)
	}, errs.Code)
}
