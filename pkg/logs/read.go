package logs

import (
	"context"
	"time"

	"github.com/rc-containers/rc/pkg/errs"
)

// All is ReadOptions.Tail for the whole of a log.
const All = -1

// ReadOptions say what to read.
type ReadOptions struct {
	Follow bool
	// Tail is how many lines of what is there are read, counted before Since and Until; All is all.
	Tail int
	// Since and Until bound the times; zero is no bound. What follows is read to Until.
	Since, Until time.Time
	// Ended is closed once nothing will be written any more: following ends when all that is
	// there has been read then. Nil: it ends with the context or with Until.
	Ended <-chan struct{}
	// Idle, where set, is called when all that is there has been read, before waiting for more.
	Idle func()
}

// wants is whether a time is within the bounds.
func (o *ReadOptions) wants(t time.Time) bool {
	return (o.Since.IsZero() || !t.Before(o.Since)) && (o.Until.IsZero() || !t.After(o.Until))
}

// Read reads a log, over all its files from the oldest to the newest, or from the journal. What
// was never written has no lines. Lines that are in no format come as they are, with the time of
// the line before and as if from standard output. The error is yield's, the context's, or one of
// reading.
func Read(ctx context.Context, c Config, o ReadOptions, yield func(Line) error) error {
	switch c.Driver {
	case "", K8sFile:
		return readFiles(ctx, c, &k8sFormat{}, o, yield)
	case JSONFile:
		return readFiles(ctx, c, &jsonFormat{}, o, yield)
	case Journald:
		return readJournal(ctx, c.ID, o, yield)
	}
	return errs.Invalidf("log driver %q: nothing can be read from it", c.Driver)
}
