package container

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/logs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// LogsOptions say what of the logs of containers to show, and how.
type LogsOptions struct {
	// Follow goes on until all the containers have ended.
	Follow bool
	// Tail is how many of the last lines of each; logs.All is all.
	Tail         int
	Since, Until time.Time // zero is no bound
	Timestamps   bool
	// Prefix puts names before the lines; of several containers short ids are put there
	// otherwise.
	Prefix, Color bool
	// Out and Err take what the containers printed to their standard output and error, byte for
	// byte.
	Out, Err io.Writer
}

// Logs shows the logs of the containers ids, of several in the order of time; what is
// followed, in the order in which it comes.
func Logs(ctx context.Context, cfg *config.Config, ids []string, o LogsOptions) error {
	root := Records(cfg)
	var sources []*logSource
	for i, id := range ids {
		s, err := newLogSource(root, id)
		if err != nil {
			return err
		}
		s.number = i
		sources = append(sources, s)
	}
	p := newLogPrinter(&o, len(sources) > 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	switch {
	case o.Follow && len(sources) > 1:
		err = followAll(ctx, sources, &o, p)
	case o.Follow || len(sources) == 1:
		s := sources[0]
		err = s.read(ctx, &o, p.flush, func(l logs.Line) error { return p.print(s, l) })
	default:
		err = mergeLogs(ctx, sources, &o, p)
	}
	return errors.Join(err, p.flushed())
}

// logSource is the log of one container.
type logSource struct {
	root   state.Root
	id     string
	name   string
	number int
	config logs.Config
}

func newLogSource(root state.Root, id string) (*logSource, error) {
	c, err := root.Load(id)
	if err != nil {
		return nil, err
	}
	switch c.Log.Driver {
	case logs.None, logs.Passthrough:
		return nil, errs.WithHint(errs.Unsupportedf("logs of container %q: its log driver is %s: nothing is kept", c.Name, c.Log.Driver),
			"rc run --log-driver "+spec.LogDrivers()[0]+" …")
	}
	return &logSource{root: root, id: id, name: c.Name, config: logs.Config{
		Driver: c.Log.Driver, Path: c.Log.File(root.Dir(id)), MaxSize: c.Log.MaxSize, MaxFiles: c.Log.MaxFiles, ID: c.ID, Name: c.Name,
	}}, nil
}

func (s *logSource) read(ctx context.Context, o *LogsOptions, idle func(), yield func(logs.Line) error) error {
	ro := logs.ReadOptions{Follow: o.Follow, Tail: o.Tail, Since: o.Since, Until: o.Until, Idle: idle}
	if o.Follow {
		ended := make(chan struct{})
		ro.Ended = ended
		go func() {
			s.awaitEnd(ctx)
			close(ended)
		}()
	}
	err := logs.Read(ctx, s.config, ro, yield)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("logs of container %q: %w", s.name, err)
	}
	return err
}

// awaitEnd waits until nobody looks after the container any more, its shim having written
// all: not for the end of one of several lives.
func (s *logSource) awaitEnd(ctx context.Context) {
	for ctx.Err() == nil {
		e, err := s.root.Find(s.id)
		if err != nil || e.State == nil {
			return // it was removed, or does not run
		}
		shim, err := openProcess(e.State.ShimPID, e.State.ShimStart)
		if err != nil || shim == nil {
			return
		}
		const forEver = 365 * 24 * time.Hour
		_, err = awaitEnd(ctx, shim, forEver)
		shim.Close()
		if err != nil {
			return
		}
	}
}

// sourced is a line, and whose it is.
type sourced struct {
	source *logSource
	line   logs.Line
}

// stream reads a source in a goroutine of its own; the error comes last.
func (s *logSource) stream(ctx context.Context, o *LogsOptions) (<-chan sourced, <-chan error) {
	lines, failed := make(chan sourced, 256), make(chan error, 1)
	go func() {
		defer close(lines)
		failed <- s.read(ctx, o, nil, func(l logs.Line) error {
			l.Text = slices.Clone(l.Text) // the reader's own until the next line
			select {
			case lines <- sourced{s, l}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return lines, failed
}

// mergeLogs prints what there is in the order of time.
func mergeLogs(ctx context.Context, sources []*logSource, o *LogsOptions, p *logPrinter) error {
	type head struct {
		next   sourced
		lines  <-chan sourced
		failed <-chan error
	}
	var heads []*head
	var all error
	advance := func(h *head) bool {
		next, more := <-h.lines
		if h.next = next; !more {
			all = errors.Join(all, <-h.failed)
		}
		return more
	}
	for _, s := range sources {
		h := &head{}
		h.lines, h.failed = s.stream(ctx, o)
		if advance(h) {
			heads = append(heads, h)
		}
	}
	for len(heads) > 0 {
		first := 0
		for i, h := range heads {
			if h.next.line.Time.Before(heads[first].next.line.Time) {
				first = i
			}
		}
		h := heads[first]
		if err := p.print(h.next.source, h.next.line); err != nil {
			return err
		}
		if !advance(h) {
			heads = slices.Delete(heads, first, first+1)
		}
	}
	return all
}

// followAll prints what comes as it comes.
func followAll(ctx context.Context, sources []*logSource, o *LogsOptions, p *logPrinter) error {
	merged, ends := make(chan sourced, 256), make(chan error, len(sources))
	for _, s := range sources {
		lines, failed := s.stream(ctx, o)
		go func() {
			for l := range lines {
				select {
				case merged <- l:
				case <-ctx.Done():
				}
			}
			ends <- <-failed
		}()
	}
	var all error
	for left := len(sources); left > 0; {
		select {
		case l := <-merged:
			if err := p.print(l.source, l.line); err != nil {
				return err
			}
			if len(merged) == 0 {
				p.flush()
			}
		case err := <-ends:
			left--
			all = errors.Join(all, err)
		}
	}
	for len(merged) > 0 {
		l := <-merged
		if err := p.print(l.source, l.line); err != nil {
			return err
		}
	}
	return all
}

// logPrinter writes lines to two streams, in the order in which they come where the two are
// one terminal.
type logPrinter struct {
	o       *LogsOptions
	several bool
	out     [3]*bufio.Writer
	last    int // the stream that was written to last
	open    map[*logSource][3]bool
	err     error
}

func newLogPrinter(o *LogsOptions, several bool) *logPrinter {
	const size = 64 << 10
	return &logPrinter{
		o: o, several: several, last: logs.Stdout, open: map[*logSource][3]bool{},
		out: [3]*bufio.Writer{logs.Stdout: bufio.NewWriterSize(o.Out, size), logs.Stderr: bufio.NewWriterSize(o.Err, size)},
	}
}

func (p *logPrinter) print(s *logSource, l logs.Line) error {
	if l.Stream != p.last {
		p.flush()
		p.last = l.Stream
	}
	w := p.out[l.Stream]
	open := p.open[s]
	if !open[l.Stream] {
		p.prefix(w, s, l)
	}
	_, _ = w.Write(l.Text) // an error stays with the writer
	if !l.Partial {
		_ = w.WriteByte('\n')
	}
	if open[l.Stream] != l.Partial {
		open[l.Stream] = l.Partial
		p.open[s] = open
	}
	return p.err
}

// prefix writes what comes before a line: podman's form.
func (p *logPrinter) prefix(w *bufio.Writer, s *logSource, l logs.Line) {
	if p.several || p.o.Prefix {
		who := format.ShortID(s.id)
		if p.o.Prefix {
			who = s.name
		}
		if p.o.Color {
			const first, colors = 31, 6 // red to cyan
			who = fmt.Sprintf("\x1b[%dm%s\x1b[0m", first+s.number%colors, who)
		}
		_, _ = w.WriteString(who + " ")
	}
	if p.o.Timestamps {
		_, _ = w.WriteString(l.Time.Format(time.RFC3339Nano) + " ")
	}
}

func (p *logPrinter) flush() {
	for _, n := range []int{logs.Stdout, logs.Stderr} {
		if err := p.out[n].Flush(); p.err == nil {
			p.err = err
		}
	}
}

func (p *logPrinter) flushed() error {
	p.flush()
	return p.err
}
