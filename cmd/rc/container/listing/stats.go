package listing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/cmd/rc/container/selection"
	"github.com/rc-containers/rc/pkg/container/processes"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/state"
)

type statsOptions struct {
	selection.Selection
	Format                     string
	Interval                   uint
	NoStream, NoReset, NoTrunc bool
}

func newStatsCommand(a *cli.App, runF cli.RunFunc[statsOptions]) *cobra.Command {
	opts := &statsOptions{}
	cmd := &cobra.Command{
		Use:   "stats [options] [CONTAINER...]",
		Short: "Show what containers use of the machine",
		Long: `Shows the processor, memory, network and disk use of containers, again and again:
of those that run, or those that are named. CPU % is of one processor, since the
line before; the first time, since the container's start. Memory is without the
page cache that can go at any time. What is sent over lo is not counted.

The figures come from the container's cgroup. "--" is what its controllers do not
tell: memory, io and pids have to be delegated by systemd. Without a cgroup they
are added up over the processes.`,
		Example: `rc stats
rc stats --no-stream web db
rc stats -i 1 --format 'table {{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}'`,
		ValidArgsFunction: cli.CompleteContainers(a, 0, cli.Alive),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.checkStats(cmd, args); err != nil {
				return err
			}
			return runF(cmd.Context(), a, opts)
		},
	}
	opts.Add(a, cmd, selection.WithAll|selection.WithLatest, "Show", "containers, also those that do not run")
	flags := cmd.Flags()
	flags.StringVar(&opts.Format, "format", "", "table, json or a Go template")
	flags.UintVarP(&opts.Interval, "interval", "i", 5, "Seconds between two times")
	flags.BoolVar(&opts.NoReset, "no-reset", false, "Print one below the other, without clearing the terminal")
	flags.BoolVar(&opts.NoStream, "no-stream", false, "Show once")
	flags.BoolVar(&opts.NoTrunc, "no-trunc", false, "Show ids in full")
	cli.CompleteFormat(cmd, statsRow{})
	return cmd
}

// checkStats is like Selection.check, but that nothing means what runs.
func (o *statsOptions) checkStats(cmd *cobra.Command, args []string) error {
	if len(args) > 0 || o.All || o.Latest {
		if err := o.Check(cmd, args); err != nil {
			return err
		}
	}
	if o.Interval == 0 {
		return errs.Invalidf("--interval 0: want seconds, 1 or more")
	}
	return format.Check(o.Format, statsRow{}, format.Options{Table: statsTable})
}

func showStats(ctx context.Context, a *cli.App, opts *statsOptions) error {
	s := &statsWatch{a: a, o: opts, before: map[string]*processes.Sample{}, hostMemory: processes.HostMemory()}
	if err := s.choose(); err != nil {
		return err
	}
	for {
		rows, err := s.rows()
		if err != nil {
			return err
		}
		if !opts.NoStream && !opts.NoReset && format.Redraws(a.Stdout) {
			fmt.Fprint(a.Stdout, "\x1b[H\x1b[2J")
		}
		s.tell(rows)
		err = format.Print(a.Stdout, opts.Format, rows, format.Options{Table: statsTable, Headings: statsHeadings()})
		if err != nil || opts.NoStream || s.over(rows) {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(opts.Interval) * time.Second):
		}
	}
}

// statsWatch is one rc stats.
type statsWatch struct {
	a          *cli.App
	o          *statsOptions
	ids        []string // of the containers that were asked for; nil is what runs
	before     map[string]*processes.Sample
	hostMemory uint64
	told       bool
}

// choose finds the containers that were named: one that is not there is an error.
func (s *statsWatch) choose() error {
	if len(s.o.Names) == 0 && !s.o.Latest {
		return nil
	}
	targets, err := s.o.Find("stats", records.Of(s.a.Config), selection.AnyState)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.Err != nil {
			return t.Err
		}
		s.ids = append(s.ids, t.ID)
	}
	return nil
}

// entries are the containers of this moment. One that was removed meanwhile is not there.
func (s *statsWatch) entries() ([]state.Entry, error) {
	root := records.Of(s.a.Config)
	if s.ids == nil {
		list, broken := root.List()
		for _, err := range broken {
			if !s.told {
				s.a.Warn(err)
			}
		}
		return slices.DeleteFunc(list, func(e state.Entry) bool { return !s.o.All && !e.Alive() }), nil
	}
	var list []state.Entry
	for _, id := range s.ids {
		e, err := root.Find(id)
		if errors.Is(err, errs.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *e)
	}
	return list, nil
}

func (s *statsWatch) rows() ([]statsRow, error) {
	entries, err := s.entries()
	if err != nil {
		return nil, err
	}
	rows := make([]statsRow, 0, len(entries))
	for _, e := range entries {
		now, err := processes.Take(&e)
		if err != nil {
			return nil, err
		}
		if now == nil && s.ids == nil && !s.o.All {
			continue // it has just ended
		}
		row := statsRow{e: e, now: now, full: s.o.NoTrunc, hostMemory: s.hostMemory}
		// Figures of an earlier life are not to be compared with.
		if before := s.before[e.ID]; before != nil && e.State != nil && before.At.After(e.State.Started) {
			row.before = before
		}
		s.before[e.ID] = now
		rows = append(rows, row)
	}
	return rows, nil
}

// tell says once what is not to be had, and why.
func (s *statsWatch) tell(rows []statsRow) {
	if s.told {
		return
	}
	s.told = true
	missing := map[string]bool{}
	for _, r := range rows {
		if r.now == nil {
			continue
		}
		if r.now.Summed {
			fmt.Fprintf(s.a.Stderr, "Warning: container %s has no cgroup: its figures are sums over its processes\n", r.e.Name)
			continue
		}
		if r.now.Stats.Memory == nil {
			missing["memory"] = true
		}
		if r.now.Stats.IO == nil {
			missing["io"] = true
		}
	}
	var names []string
	for _, name := range []string{"memory", "io"} {
		if missing[name] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(s.a.Stderr, "Warning: -- is what the cgroup has no controller for: %s (see rc info)\n", strings.Join(names, ", "))
	}
}

// over says whether all the containers that were named have ended.
func (s *statsWatch) over(rows []statsRow) bool {
	return s.ids != nil && !slices.ContainsFunc(rows, func(r statsRow) bool { return r.e.Alive() })
}
