package container

import (
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/container"
)

// newRunCommand parses run's flags into options and hands them to runF.
func newRunCommand(a *cli.App, runF cli.RunFunc[runOptions]) *cobra.Command {
	flags := &runFlags{}
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
` + noOpHelp(),
		Example: `rc run --rm -it alpine sh
rc run --rm -v ./src:/src:ro -w /src golang go test ./...
rc run --rm --network none --read-only --tmpfs /tmp:size=64m --memory 512m --cpus 1.5 alpine true
rc run --rm -it --rootfs /:O bash
rc run --rm -it --userns keep-id -v ~:$HOME -w $HOME debian bash`,
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
	flags.addRun(cmd.Flags())
	return cmd
}

func noOpHelp() string {
	var text strings.Builder
	for _, n := range noOps() {
		text.WriteString("  " + n.what + ": " + n.why + "\n")
	}
	return text.String()
}

// runContainer gets the image and runs the container. The exit code of the command
// becomes rc's through errs.Exit.
func runContainer(ctx context.Context, a *cli.App, opts *runOptions) error {
	source, err := opts.source(ctx, a)
	if err != nil {
		return err
	}
	defer source.Release()
	code, err := container.Run(ctx, a.Config, opts.Options, source, container.Streams{In: a.Stdin, Out: a.Stdout, Err: a.Stderr})
	if opts.RemoveImage && err == nil {
		failed := opts.removeImage(context.WithoutCancel(ctx), a, source)
		if failed != nil && code != 0 { // the command's code is what the caller waits for
			slog.Warn("image stays", "image", source.Name, "error", failed)
			failed = nil
		}
		err = failed
	}
	return exit(code, err)
}
