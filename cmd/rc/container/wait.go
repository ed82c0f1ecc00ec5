package container

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
)

type waitOptions struct {
	selection.Selection
	lifecycle.WaitOptions
	FirstMatch bool
}

func newWaitCommand(a *cli.App, runF cli.RunFunc[waitOptions]) *cobra.Command {
	opts := &waitOptions{}
	interval := ""
	cmd := &cobra.Command{
		Use:   "wait [options] CONTAINER [CONTAINER...]",
		Short: "Wait until containers have ended",
		Long: `Waits until each of the containers has ended, and prints their exit codes, one a line, in
the order in which they were named; -1 for conditions other than an end. Of a
container that is restarted it is the code of the first end.`,
		Example: `rc wait web
rc wait --condition healthy --condition exited web
rc wait --ignore web db`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Interval, err = parseInterval(interval); err != nil {
				return err
			}
			if err := lifecycle.CheckConditions(opts.Conditions); err != nil {
				return err
			}
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithLatest, "Wait for", "")
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Conditions, "condition", "",
		"What to wait for: stopped or exited, running, paused, healthy, unhealthy, created, removing; one of several is enough (default stopped)")
	flags.StringVarP(&interval, "interval", "i", "250ms", "How often to look where an end is not what is waited for: milliseconds, or 2s")
	flags.BoolVar(&opts.Ignore, "ignore", false, "A container that is not there is no error, and has the code -1")
	flags.BoolVar(&opts.FirstMatch, "exit-first-match", false, "Wait for the first of the containers only")
	cli.Must(cmd.RegisterFlagCompletionFunc("condition", cobra.FixedCompletions(lifecycle.WaitConditions(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// parseInterval reads a duration, or a number of milliseconds.
func parseInterval(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, numErr := strconv.ParseUint(text, 10, 31); numErr == nil {
		d, err = time.Duration(n)*time.Millisecond, nil
	}
	if err != nil || d <= 0 {
		return 0, errs.Invalidf("--interval %q: want milliseconds, or a duration such as 2s", text)
	}
	return d, nil
}

func waitForContainers(ctx context.Context, a *cli.App, opts *waitOptions) error {
	root := records.Of(a.Config)
	targets, err := opts.Find("wait", root, selection.AnyState)
	if err != nil {
		return err
	}
	wait := func(ctx context.Context, t *selection.Target) error {
		code, err := lifecycle.Wait(ctx, root, t.ID, opts.WaitOptions)
		t.Said = strconv.Itoa(code)
		return opts.missing(t, err)
	}
	for _, t := range targets {
		t.Err = opts.missing(t, t.Err)
	}
	if opts.FirstMatch {
		targets = firstOf(ctx, targets, wait)
		wait = func(_ context.Context, t *selection.Target) error { return t.Err }
	}
	return opts.Each(ctx, a, targets, wait, errs.Code)
}

// missing makes -1 of a container that is not there, with --ignore.
func (o *waitOptions) missing(t *selection.Target, err error) error {
	if !o.Ignore || !errors.Is(err, errs.ErrNotFound) {
		return err
	}
	t.Said = "-1"
	return nil
}

// firstOf is the first target for which wait returns, and those that are wrong already.
func firstOf(ctx context.Context, targets []*selection.Target, wait func(context.Context, *selection.Target) error) []*selection.Target {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := make(chan *selection.Target, len(targets))
	var out []*selection.Target
	waiting := false
	for _, t := range targets {
		if t.Err != nil {
			out = append(out, t)
			continue
		}
		waiting = true
		go func() {
			one := *t
			if one.ID != "" { // else it is not there, and that is fine
				one.Err = wait(ctx, &one)
			}
			first <- &one
		}()
	}
	if waiting {
		out = append(out, <-first)
	}
	return out
}
