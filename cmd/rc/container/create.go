package container

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container"
)

// newCreateCommand parses create's flags into options and hands them to runF. The flags are
// run's, but for those of a first start.
func newCreateCommand(a *cli.App, runF cli.RunFunc[runflags.Options]) *cobra.Command {
	flags := &runflags.Flags{}
	cmd := &cobra.Command{
		Use:   "create [options] IMAGE [COMMAND [ARG...]]",
		Short: "Make a new container without starting it",
		Long: `Makes a container of an image, pulls the image first where it is missing, and prints
the container's id. rc start starts it. The options are those of rc run.

Accepted and without effect, for scripts written for docker and podman:
` + runflags.NoOpHelp(),
		Example: `rc create --name web -v ./site:/site:ro busybox httpd -f -h /site
rc create --restart on-failure:3 --health-cmd 'test -e /tmp/ready' alpine ./job`,
		ValidArgsFunction: completeRunArgs(a),
		RunE:              withOptions(a, flags, runF),
	}
	flags.Add(cmd.Flags())
	return cmd
}

// createContainer makes a container and prints its id.
func createContainer(ctx context.Context, a *cli.App, opts *runflags.Options) error {
	image, err := source(ctx, a, opts)
	if err != nil {
		return err
	}
	defer image.Release()
	c, err := container.Create(ctx, a.Config, opts.Options, image, a.Streams())
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout, c.ID)
	return nil
}
