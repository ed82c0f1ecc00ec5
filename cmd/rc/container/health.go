package container

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// codeUnhealthy is healthcheck run's exit code of a check that failed, as in
// podman-healthcheck-run(1).
const codeUnhealthy = 1

type checkOptions struct{ Name string }

// HealthVerb is rc healthcheck.
func HealthVerb(a *cli.App) cli.Verb {
	return cli.Noun("healthcheck", "Check the health of containers", []cli.Verb{
		{Name: "run", Make: func() *cobra.Command { return newCheckCommand(a, checkContainer) }},
	})
}

func newCheckCommand(a *cli.App, runF cli.RunFunc[checkOptions]) *cobra.Command {
	opts := &checkOptions{}
	return &cobra.Command{
		Use:   "run CONTAINER",
		Short: "Run a container's healthcheck now",
		Long: `Runs the healthcheck that a container was given, beside the ones that its shim runs
at their time, and prints "unhealthy" if it fails. The exit code is 0 for a check that
succeeds, 1 for one that fails, 125 for anything else.`,
		Example:           "rc healthcheck run web",
		Args:              cli.Between(1, 1, "a container"),
		ValidArgsFunction: cli.CompleteContainers(a, 1, cli.Running),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.Name = args[0]
			return runF(cmd.Context(), a, opts)
		},
	}
}

func checkContainer(ctx context.Context, a *cli.App, opts *checkOptions) error {
	r, err := lifecycle.CheckHealth(ctx, a.Config, opts.Name)
	if err != nil {
		return err
	}
	if r.ExitCode != 0 {
		fmt.Fprintln(a.Stdout, spec.Unhealthy)
		return errs.Exit(codeUnhealthy)
	}
	return nil
}
