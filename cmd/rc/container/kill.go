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
	"github.com/rc-containers/rc/pkg/state"
)

type killOptions struct {
	selection.Selection
	Signal unix.Signal
}

func newKillCommand(a *cli.App, runF cli.RunFunc[killOptions]) *cobra.Command {
	opts := &killOptions{}
	signal := "KILL"
	cmd := &cobra.Command{
		Use:   "kill [options] CONTAINER [CONTAINER...]",
		Short: "Send a signal to containers",
		Long: `Sends a signal to the first process of containers that run, SIGKILL by default, and
prints what it was given. After SIGKILL it waits until they have ended. With SIGKILL, or
its stop signal, a container is not restarted by its restart policy.`,
		Example: `rc kill web
rc kill --signal HUP web
rc kill --all`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Alive),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Signal, err = linux.Signal(signal); err != nil {
				return errs.Invalidf("--signal %q: want a name as in kill -l, or a number", signal)
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest|selection.WithCIDFile, "Signal", "all containers that run")
	cmd.Flags().StringVarP(&signal, "signal", "s", signal, "Signal to send, by name or number")
	return cmd
}

func killContainers(ctx context.Context, a *cli.App, opts *killOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("kill", root, hasProcess)
	if err != nil {
		return err
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		return lifecycle.Kill(ctx, root, t.ID, opts.Signal)
	}, errs.Code)
}

// hasProcess fits containers whose command runs, or is paused.
func hasProcess(e state.Entry) bool { return e.Status == state.Running || e.Status == state.Paused }
