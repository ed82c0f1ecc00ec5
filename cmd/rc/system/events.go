package system

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

type eventsOptions struct {
	Since, Until    string
	Filters         []string
	Format          string
	Stream, NoTrunc bool
}

func newEventsCommand(a *cli.App, runF cli.RunFunc[eventsOptions]) *cobra.Command {
	opts := &eventsOptions{}
	cmd := &cobra.Command{
		Use:   "events [options]",
		Short: "Show what happens to containers and images",
		Long: `Shows what happens, one line each, until it is interrupted. What has happened is
shown with --since or --until, or with --stream=false, which ends after it. The
journal lies in the runtime directory: it is gone after a reboot, and holds the
last few thousand events.

A time is a duration such as 10m (--since: before now; --until: after now), a Unix
time, or a date such as 2006-01-02T15:04:05. Of several filters with one key any
may match, of different keys all must.`,
		Example: `rc events
rc events --since 10m --stream=false
rc events --filter container=web --filter event=died --format '{{.Time}} {{.ContainerExitCode}}'
rc events --since 2006-01-02 --until 30s --format json`,
		Args:              cli.NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runF(cmd.Context(), a, opts)
		},
	}
	flags := cmd.Flags()
	cli.ListVar(flags, &opts.Filters, "filter", "f", "Only events that match KEY=VALUE: container, event (or status), image, label, pod, type, volume")
	flags.StringVar(&opts.Format, "format", "", "json (one object per line) or a Go template")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", true, "Show whole ids")
	flags.StringVar(&opts.Since, "since", "", "Show what happened since a time")
	flags.BoolVar(&opts.Stream, "stream", true, "Wait for more when everything has been shown")
	flags.StringVar(&opts.Until, "until", "", "Show what happens until a time, and end then")
	cli.CompleteFormat(cmd, eventRow{})
	cli.CompleteFilter(a, cmd, cli.Events, events.FilterKeys())
	return cmd
}

// read makes what package events wants of the flags.
func (o *eventsOptions) read(now time.Time) (events.ReadOptions, error) {
	out := events.ReadOptions{Stream: o.Stream}
	var err error
	if o.Since != "" {
		if out.Since, err = parse.Time(o.Since, now, false); err != nil {
			return out, fmt.Errorf("--since %w", err)
		}
	}
	if o.Until != "" {
		if out.Until, err = parse.Time(o.Until, now, true); err != nil {
			return out, fmt.Errorf("--until %w", err)
		}
	}
	if out.Match, err = events.ParseFilters(o.Filters); err != nil {
		return out, err
	}
	return out, format.Check(o.Format, eventRow{}, format.Options{})
}

func printEvents(ctx context.Context, a *cli.App, opts *eventsOptions) error {
	o, err := opts.read(time.Now())
	if err != nil {
		return err
	}
	err = events.Read(ctx, a.Config.RunRoot, o, func(e events.Event) error { return opts.print(a, e) })
	if ctx.Err() != nil {
		return nil //nolint:nilerr // an interruption is how a stream ends
	}
	return err
}

func (o *eventsOptions) print(a *cli.App, e events.Event) error {
	row := newEventRow(e, !o.NoTrunc)
	switch {
	case o.Format == "":
		_, err := fmt.Fprintln(a.Stdout, row.line())
		return err
	case format.IsJSON(o.Format):
		enc := json.NewEncoder(a.Stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(row)
	}
	return format.Print(a.Stdout, o.Format, []eventRow{row}, format.Options{NoHeading: true})
}
