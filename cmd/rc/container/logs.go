package container

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/output"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/logs"
)

type logsOptions struct {
	selection.Selection
	output.LogsOptions
}

func newLogsCommand(a *cli.App, runF cli.RunFunc[logsOptions]) *cobra.Command {
	opts := &logsOptions{}
	var tail, since, until string
	cmd := &cobra.Command{
		Use:   "logs [options] CONTAINER [CONTAINER...]",
		Short: "Show what containers have printed",
		Long: `Shows what containers have printed, to standard output and error as they did, byte
for byte. Lines of several containers come in the order of time, each with the id
of its container, or its name, before it. Of json-file and journald it is what these
keep: json-file has only text. none and passthrough keep nothing.

--since and --until take a time (2006-01-02T15:04:05, with a zone or without), a Unix
time, or how long ago it was (10m). Following ends when the containers have ended.`,
		Example: `rc logs web
rc logs --follow --tail 20 web
rc logs --names --timestamps --since 10m web db`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.AnyState),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.Check(cmd, args); err != nil {
				return err
			}
			var problems []error
			note := func(err error) { problems = append(problems, err) }
			var err error
			opts.Tail, err = parseTail(tail)
			note(err)
			opts.Since, err = parseTime("since", since)
			note(err)
			opts.Until, err = parseTime("until", until)
			note(err)
			if err := errors.Join(problems...); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&opts.Follow, "follow", "f", false, "Go on with what is printed from now on")
	flags.BoolVarP(&opts.Timestamps, "timestamps", "t", false, "Show when each line was printed")
	flags.StringVarP(&tail, "tail", "n", "all", "Show the last so many lines only")
	flags.StringVar(&since, "since", "", "Show what was printed since a time")
	flags.StringVar(&until, "until", "", "Show what was printed until a time")
	flags.BoolVar(&opts.Prefix, "names", false, "Put the container's name before each line")
	flags.BoolVar(&opts.Color, "color", false, "Give the names or ids of containers colors")
	flags.BoolVar(&opts.Details, "details", false, "Put the container's log tag (--log-opt tag) before each line")
	opts.Add(a, cmd, selection.WithLatest, "Show that of", "")
	return cmd
}

// parseTail reads --tail: a number, or all.
func parseTail(value string) (int, error) {
	if value == "all" || value == "-1" {
		return logs.All, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, errs.Invalidf("--tail %q: want a number of lines, or all", value)
	}
	return n, nil
}

// parseTime reads --since and --until, where they are given.
func parseTime(flag, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	t, err := records.ParseTime(value)
	if err != nil {
		return t, fmt.Errorf("--%s %q: %w", flag, value, err)
	}
	return t, nil
}

func showLogs(ctx context.Context, a *cli.App, opts *logsOptions) error {
	targets, err := opts.Find("logs", records.Of(a.Config), selection.AnyState)
	if err != nil {
		return err
	}
	var ids []string
	for _, t := range targets {
		if t.Err != nil {
			return t.Err
		}
		ids = append(ids, t.ID)
	}
	opts.Out, opts.Err = a.Stdout, a.Stderr
	err = output.Logs(ctx, a.Config, ids, opts.LogsOptions)
	if opts.Follow && ctx.Err() != nil {
		return nil //nolint:nilerr // Ctrl-C is how to end it
	}
	return err
}
