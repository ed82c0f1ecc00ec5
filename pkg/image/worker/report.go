package worker

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/docker/go-units"
	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/format"
)

// report writes to standard error how far things are: a bar on a terminal, one line per layer
// elsewhere, nothing but warnings if quiet.
type report struct {
	out   io.Writer
	quiet bool
	tty   bool
	width func() int

	mu   sync.Mutex
	bar  *bar
	stop chan struct{} // of the goroutine that draws
}

func newReport(quiet bool) *report {
	fd := int(os.Stderr.Fd())
	return &report{out: os.Stderr, quiet: quiet, tty: format.Redraws(os.Stderr), width: func() int {
		width, _, err := term.GetSize(fd)
		if err != nil || width <= 0 {
			return 80
		}
		return width
	}}
}

// Line writes a line above the bar.
func (r *report) Line(format string, args ...any) {
	if !r.quiet {
		r.write(format, args...)
	}
}

// Warn writes a line even if quiet.
func (r *report) Warn(format string, args ...any) { r.write("Warning: "+format, args...) }

func (r *report) write(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	fmt.Fprintf(r.out, format+"\n", args...)
}

// clear takes the bar off the screen until it is drawn again.
func (r *report) clear() {
	if r.bar != nil {
		io.WriteString(r.out, "\r\x1b[K") //nolint:errcheck // a bar that cannot be drawn is no reason to stop
	}
}

func (r *report) Layer(b blob, fetch bool) {
	switch {
	case r.quiet || !fetch && r.tty:
	case !fetch:
		r.write("Copying blob %s skipped: already exists", short(b))
	case !r.tty:
		r.write("Copying blob %s%s", short(b), size(b))
	default:
		r.grow(b.Size)
	}
}

func size(b blob) string {
	if b.Size <= 0 {
		return ""
	}
	return " (" + units.HumanSize(float64(b.Size)) + ")"
}

// redraw is how often the bar changes.
const redraw = 100 * time.Millisecond

// grow adds a layer to the one bar that stands for all.
func (r *report) grow(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar == nil {
		r.bar = &bar{begun: time.Now()}
		r.stop = make(chan struct{})
		go r.draw(r.stop)
	}
	r.bar.layers++
	if n < 0 {
		r.bar.unknown = true
	}
	r.bar.total += max(n, 0)
}

// draw writes the bar until stop is closed.
func (r *report) draw(stop chan struct{}) {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	r.show(time.Now())
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			r.show(now)
		}
	}
}

func (r *report) show(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar != nil {
		r.clear()
		io.WriteString(r.out, r.bar.line(now, r.width()-1)) //nolint:errcheck // as in clear
	}
}

func (r *report) Read(_ blob, in io.Reader) io.Reader {
	if r.quiet || !r.tty {
		return in
	}
	return counting{in, r}
}

// counting tells the report what passes.
type counting struct {
	io.Reader
	report *report
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.report.advance(int64(n), 0)
	return n, err
}

func (r *report) advance(n, kept int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar != nil {
		r.bar.done += n
		r.bar.kept += kept
	}
}

func (r *report) Resume(b blob, n int64) {
	switch {
	case r.quiet:
	case r.tty:
		r.advance(0, n)
	default:
		r.write("Resuming blob %s at %s of %s", short(b), units.HumanSize(float64(n)), units.HumanSize(float64(b.Size)))
	}
}

func (r *report) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar != nil {
		r.clear()
		close(r.stop)
		r.bar = nil
	}
}
