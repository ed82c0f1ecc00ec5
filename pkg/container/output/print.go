package output

import (
	"bufio"
	"fmt"

	"github.com/rc-containers/rc/pkg/format"
	"github.com/rc-containers/rc/pkg/logs"
)

// logPrinter writes lines to two streams, in the order in which they come where the two are
// one terminal.
type logPrinter struct {
	o       *LogsOptions
	several bool
	out     [3]*bufio.Writer
	last    int // the stream that was written to last
	// open are the sources whose line is not at its end, by stream.
	open [3]*logSource
	err  error
}

func newLogPrinter(o *LogsOptions, several bool) *logPrinter {
	const size = 64 << 10
	return &logPrinter{
		o: o, several: several, last: logs.Stdout,
		out: [3]*bufio.Writer{logs.Stdout: bufio.NewWriterSize(o.Out, size), logs.Stderr: bufio.NewWriterSize(o.Err, size)},
	}
}

func (p *logPrinter) print(s *logSource, l logs.Line) error {
	if l.Stream != p.last {
		p.flush()
		p.last = l.Stream
	}
	w := p.out[l.Stream]
	open := p.open[l.Stream]
	if open != nil && open != s {
		_ = w.WriteByte('\n') // another's line, which goes on later with a prefix of its own
		open = nil
	}
	if open == nil {
		p.prefix(w, s, l)
	}
	_, _ = w.Write(l.Text) // an error stays with the writer
	if p.open[l.Stream] = s; !l.Partial {
		_ = w.WriteByte('\n')
		p.open[l.Stream] = nil
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
		const fixed = "2006-01-02T15:04:05.000000000Z07:00"
		_, _ = w.WriteString(l.Time.Format(fixed) + " ")
	}
	if p.o.Details && s.config.Tag != "" {
		_, _ = w.WriteString("tag=" + s.config.Tag + " ")
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
