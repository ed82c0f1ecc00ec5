package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
)

type attachOptions struct {
	selection.Selection
	NoStdin, SigProxy bool
	DetachKeys        []byte
}

func newAttachCommand(a *cli.App, runF cli.RunFunc[attachOptions]) *cobra.Command {
	opts := &attachOptions{}
	keys := ""
	cmd := &cobra.Command{
		Use:   "attach [options] CONTAINER",
		Short: "Connect with a container that runs",
		Long: `Shows what a container prints from now on, and hands on what is typed where it was
made with --interactive, until it ends; the exit code is the container's. Several
can be attached at once. ctrl-p ctrl-q, typed on a terminal, leaves it running.

An attached rc that does not read holds the container up for a second; what it then
misses is in rc logs.`,
		Example: `rc attach box
rc attach --no-stdin --sig-proxy=false web`,
		ValidArgsFunction: cli.CompleteContainers(a, 1, cli.Alive),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.DetachKeys, err = runflags.DetachKeys(keys, cmd.Flags().Changed("detach-keys"), a.Config); err != nil {
				return err
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			if len(args) > 1 {
				return errs.WithHint(errs.Invalidf("attach: it takes one container, and got %q, too", args[1]), "rc attach --help")
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	opts.Add(a, cmd, selection.WithLatest, "Attach to", "")
	flags.BoolVar(&opts.NoStdin, "no-stdin", false, "Do not hand standard input on")
	flags.BoolVar(&opts.SigProxy, "sig-proxy", true, "Pass signals on to the container's first process")
	addDetachKeys(cmd, &keys)
	return cmd
}

func attachContainer(ctx context.Context, a *cli.App, opts *attachOptions) error {
	id, err := opts.One("attach", a)
	if err != nil {
		return err
	}
	code, err := session.Attach(ctx, a.Config, id, session.AttachOptions{
		Stdin: !opts.NoStdin, DetachKeys: opts.DetachKeys, SigProxy: opts.SigProxy,
		Streams: a.Streams(),
	})
	return exit(code, err)
}
