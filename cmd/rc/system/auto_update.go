package system

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/autoupdate"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/image"
)

type autoUpdateOptions struct {
	autoupdate.Options
	Format string
}

func newAutoUpdateCommand(a *cli.App, runF cli.RunFunc[autoUpdateOptions]) *cobra.Command {
	opts := &autoUpdateOptions{}
	tlsVerify := true
	cmd := &cobra.Command{
		Use:   "auto-update [options]",
		Short: "Restart the units whose containers' images have changed",
		Long: `Looks for newer images of the containers that run with label io.containers.autoupdate:
registry asks the registry that the image came from, local looks at what the image's
name means here. The newer image is pulled, and the systemd user unit of the container
is restarted (label PODMAN_SYSTEMD_UNIT, which units of rc generate systemd --new and
of quadlets set). A unit that does not start with it gets the old one back.
systemctl --user enable --now rc-auto-update.timer does it every day.

Label io.containers.autoupdate.authfile names a container's own file with credentials.`,
		Example: `rc auto-update --dry-run
rc auto-update --rollback=false
rc auto-update --dry-run --format '{{.Image}} {{.Updated}}'`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("tls-verify") {
				opts.Registry.TLSVerify = &tlsVerify
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&opts.DryRun, "dry-run", false, "Say what would be updated, and change nothing")
	flags.BoolVar(&opts.Rollback, "rollback", true, "Where a unit does not start with the new image, go back to the old one")
	flags.StringVar(&opts.Registry.AuthFile, "authfile", "", "File with the registries' credentials (default $REGISTRY_AUTH_FILE)")
	flags.BoolVar(&tlsVerify, "tls-verify", true, "Want HTTPS and known certificates of registries")
	flags.StringVar(&opts.Format, "format", "", "table, json, or a Go template")
	cli.CompleteFormat(cmd, autoupdate.Report{})
	return cmd
}

func autoUpdate(ctx context.Context, a *cli.App, opts *autoUpdateOptions) error {
	o := format.Options{Table: `{{.Unit}}\t{{.Container}}\t{{.Image}}\t{{.Policy}}\t{{.Updated}}`}
	if err := format.Check(opts.Format, autoupdate.Report{}, o); err != nil {
		return err
	}
	opts.Streams = image.Streams{Stdin: a.Stdin, Stdout: a.Stderr, Stderr: a.Stderr}
	reports, err := autoupdate.Run(ctx, a.Config, opts.Options)
	return errors.Join(format.Print(a.Stdout, opts.Format, reports, o), err)
}
