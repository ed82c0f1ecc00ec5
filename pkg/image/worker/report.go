package worker

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/docker/go-units"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// report writes to standard error how far things are: a bar on a terminal, one line per layer
// elsewhere, nothing but warnings if quiet.
type report struct {
	out   io.Writer
	quiet bool
	tty   bool

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	total int64
}

func newReport(quiet bool) *report {
	return &report{out: os.Stderr, quiet: quiet, tty: term.IsTerminal(int(os.Stderr.Fd()))}
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
	if r.bar != nil {
		_ = r.bar.Clear() // a bar that cannot be drawn is no reason to stop
	}
	fmt.Fprintf(r.out, format+"\n", args...)
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

// grow adds a layer to the one bar that stands for all.
func (r *report) grow(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n < 0 {
		n = 0
	}
	r.total += n
	if r.bar != nil {
		r.bar.ChangeMax64(max(r.total, 1))
		return
	}
	max := r.total
	if max == 0 {
		max = -1 // unknown: a spinner
	}
	r.bar = progressbar.NewOptions64(max, progressbar.OptionSetWriter(r.out), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription("Copying layers"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth(), progressbar.OptionSetPredictTime(true))
}

func (r *report) Read(_ blob, in io.Reader) io.Reader {
	if r.quiet || !r.tty {
		return in
	}
	return io.TeeReader(in, advance{r})
}

// advance moves the bar by what is written to it.
type advance struct{ r *report }

func (a advance) Write(p []byte) (int, error) {
	a.r.mu.Lock()
	defer a.r.mu.Unlock()
	if a.r.bar != nil {
		_ = a.r.bar.Add(len(p)) // more than the maximum, after a repetition, is an error to it
	}
	return len(p), nil
}

func (r *report) Done(blob) {}

func (r *report) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bar != nil {
		_ = r.bar.Clear()
		r.bar = nil
	}
}
