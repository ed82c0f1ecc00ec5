package container

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
)

// newCreateCommand parses create's flags into options and hands them to runF. The flags are
// run's, but for those of a first start.
func newCreateCommand(a *cli.App, runF cli.RunFunc[runOptions]) *cobra.Command {
	flags := &runFlags{}
	cmd := &cobra.Command{
		Use:   "create [options] IMAGE [COMMAND [ARG...]]",
		Short: "Make a new container without starting it",
		Long: `Makes a container of an image, pulls the image first where it is missing, and prints
the container's id. rc start starts it. The options are those of rc run.

Accepted and without effect, for scripts written for docker and podman:
` + noOpHelp(),
		Example: `rc create --name web -v ./site:/site:ro busybox httpd -f -h /site
rc create --restart on-failure:3 --health-cmd 'test -e /tmp/ready' alpine ./job`,
		ValidArgsFunction: completeRunArgs(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, err := flags.options(cmd.Flags(), a.Config, args)
			if err != nil {
				return err
			}
			if opts.Registry, err = flags.registry.Options(cmd.Flags(), a); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags.add(cmd.Flags())
	return cmd
}

// createContainer makes a container and prints its id.
func createContainer(ctx context.Context, a *cli.App, opts *runOptions) error {
	source, err := opts.source(ctx, a)
	if err != nil {
		return err
	}
	defer source.Release()
	c, err := container.Create(ctx, a.Config, opts.Options, source, container.Streams{In: a.Stdin, Out: a.Stdout, Err: a.Stderr})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout, c.ID)
	return nil
}
