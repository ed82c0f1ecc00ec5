package container

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container"
)

// newRunCommand parses run's flags into options and hands them to runF.
func newRunCommand(a *cli.App, runF cli.RunFunc[runflags.Options]) *cobra.Command {
	flags := &runflags.Flags{}
	cmd := &cobra.Command{
		Use:   "run [options] IMAGE [COMMAND [ARG...]]",
		Short: "Run a command in a new container",
		Long: `Makes a container of an image, pulls the image first where it is missing, and runs
a command in it until it ends. The exit code is the command's; 125 is an error of
rc itself, 126 a command that cannot be executed, 127 one that is not there, and
128+n one that was ended by signal n. With --detach rc prints the container's id as soon
as the command runs.

A restart policy is the work of rc-shim, the process that looks after the container:
it cannot outlive its own SIGKILL, and the container ends with it. Where even that must
not happen, run the container in a systemd user unit with Restart=. After a boot
containers with a restart policy are started by rc-restart.service:
systemctl --user enable rc-restart.service

Accepted and without effect, for scripts written for docker and podman:
` + runflags.NoOpHelp(),
		Example: `rc run --rm -it alpine sh
rc run --rm -v ./src:/src:ro -w /src golang go test ./...
rc run --rm --network none --read-only --tmpfs /tmp:size=64m --memory 512m --cpus 1.5 alpine true
rc run --rm -it --rootfs /:O bash
rc run --rm -it --userns keep-id -v ~:$HOME -w $HOME debian bash`,
		ValidArgsFunction: completeRunArgs(a),
		RunE:              withOptions(a, flags, runF),
	}
	flags.AddRun(cmd.Flags())
	return cmd
}

// withOptions hands what the flags and arguments of run or create say to runF.
func withOptions(a *cli.App, flags *runflags.Flags, runF cli.RunFunc[runflags.Options]) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		opts, err := flags.Options(cmd.Flags(), a, args)
		if err != nil {
			return err
		}
		return runF(cmd.Context(), a, opts)
	}
}

// runContainer gets the image and runs the container. The exit code of the command
// becomes rc's through errs.Exit.
func runContainer(ctx context.Context, a *cli.App, opts *runflags.Options) error {
	image, err := source(ctx, a, opts)
	if err != nil {
		return err
	}
	defer image.Release()
	code, err := container.Run(ctx, a.Config, opts.Options, image, a.Streams())
	if opts.RemoveImage && err == nil {
		failed := removeImage(context.WithoutCancel(ctx), a, image)
		if failed != nil && code != 0 { // the command's code is what the caller waits for
			slog.Warn("image stays", "image", image.Name, "error", failed)
			failed = nil
		}
		err = failed
	}
	return exit(code, err)
}
