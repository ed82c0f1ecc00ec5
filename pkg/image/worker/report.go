package worker

import (
	"fmt"
	"io"
	"os"
)

// report writes plain lines, one per layer: what podman writes without a terminal.
type report struct {
	out   io.Writer
	quiet bool
}

func newReport(quiet bool) *report { return &report{out: os.Stderr, quiet: quiet} }

func (r *report) Layer(blob, bool) {}

func (r *report) Read(_ blob, in io.Reader) io.Reader { return in }

func (r *report) Done(blob) {}

func (r *report) Warn(format string, args ...any) {
	fmt.Fprintf(r.out, "Warning: "+format+"\n", args...)
}

func (r *report) Close() {}
