package container

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/cmd/rc/runflags"
	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec/parse"
	"github.com/rc-containers/rc/pkg/state"
)

type startOptions struct {
	selection.Selection
	Attach, Interactive, SigProxy bool
	DetachKeys                    []byte
	SDNotify                      string // "" is the container's own
}

func newStartCommand(a *cli.App, runF cli.RunFunc[startOptions]) *cobra.Command {
	opts := &startOptions{}
	keys, sdnotify := "", ""
	cmd := &cobra.Command{
		Use:   "start [options] CONTAINER [CONTAINER...]",
		Short: "Start containers that were made or have ended",
		Long: `Starts containers and prints what it was given. One that runs already is left alone.
With --attach rc shows what the container prints, stays until it ends, and ends with
its exit code.`,
		Example: `rc start web db
rc start --attach --interactive box
rc start --all --filter restart-policy=always`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Startable),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.DetachKeys, err = runflags.DetachKeys(keys, cmd.Flags().Changed("detach-keys"), a.Config); err != nil {
				return err
			}
			if sdnotify != "" {
				if opts.SDNotify, err = parse.Notify(sdnotify); err != nil {
					return fmt.Errorf("--sdnotify %w", err)
				}
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			if opts.Attach && (len(args) > 1 || opts.All || len(opts.Filters) > 0) {
				return errs.WithHint(errs.Invalidf("start: --attach takes one container"), "rc start --help")
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	// -a is --attach here, as in podman and docker.
	flags.BoolVar(&opts.All, "all", false, "Start all containers that do not run")
	opts.Add(a, cmd, selection.WithLatest|selection.WithFilter|selection.WithCIDFile, "Start", "")
	flags.BoolVarP(&opts.Attach, "attach", "a", false, "Show what the container prints, and wait for its end")
	flags.BoolVarP(&opts.Interactive, "interactive", "i", false, "Hand standard input on, where the container's is open")
	flags.BoolVar(&opts.SigProxy, "sig-proxy", true, "With --attach, pass signals on to the container's first process")
	flags.StringVar(&sdnotify, "sdnotify", "", runflags.NotifyHelp+" (default as the container was made)")
	addDetachKeys(cmd, &keys)
	return cmd
}

// addDetachKeys declares --detach-keys.
func addDetachKeys(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "detach-keys", parse.DefaultDetachKeys, `Keys that end the session and leave the container running; "" for none`)
}

func startContainers(ctx context.Context, a *cli.App, opts *startOptions) error {
	o := container.StartOptions{
		Attach: opts.Attach, Stdin: opts.Interactive, DetachKeys: opts.DetachKeys, SigProxy: opts.SigProxy, SDNotify: opts.SDNotify,
		Streams: a.Streams(),
	}
	targets, err := opts.Find("start", records.Of(a.Config), func(e state.Entry) bool { return !e.Alive() || e.Status == state.Initialized })
	if err != nil {
		return err
	}
	if opts.Attach {
		if targets[0].Err != nil {
			return targets[0].Err
		}
		code, err := container.Start(ctx, a.Config, targets[0].ID, o)
		return exit(code, err)
	}
	return opts.Each(ctx, a, targets, func(ctx context.Context, t *selection.Target) error {
		_, err := container.Start(ctx, a.Config, t.ID, o)
		return err
	}, errs.Code)
}

// exit makes rc end with a command's exit code.
func exit(code int, err error) error {
	if err == nil && code != 0 {
		return errs.Exit(code)
	}
	return err
}
