package logs

import (
	"time"

	"github.com/rc-containers/rc/pkg/errs"
)

// The drivers. The empty string is K8sFile.
const (
	K8sFile     = "k8s-file"
	JSONFile    = "json-file"
	Journald    = "journald"
	None        = "none"
	Passthrough = "passthrough"
)

// The streams of a container.
const (
	Stdout = 1
	Stderr = 2
)

// Config says where a container's output goes.
type Config struct {
	Driver   string
	Path     string // absolute; for the drivers that write files
	MaxSize  int64  // bytes at which a file is rotated; 0 is never
	MaxFiles int    // how many files there are then, the current one included; 0 is 2
	Tag      string
	ID       string // of the container
	Name     string
	Image    string
}

// files is MaxFiles with its default.
func (c *Config) files() int {
	if c.MaxFiles <= 0 {
		return 2
	}
	return c.MaxFiles
}

// Writer takes what a container prints. It is for one goroutine at a time.
type Writer interface {
	// Write takes any piece of a stream; p may be used again afterwards. It never fails: what
	// cannot be kept is counted, and told in the log once that is possible.
	Write(stream int, p []byte, now time.Time)
	// Flush writes the beginning of an unfinished line, and lets go of buffers: for when a
	// container has been quiet for a while.
	Flush()
	// Close flushes, and gives a follower that is behind a moment to open what is there: the files
	// may be deleted then. The error is that of losing something that could not be told.
	Close() error
}

// Line is one record of a log.
type Line struct {
	Time   time.Time
	Stream int
	// Partial says that the line goes on in the stream's next record.
	Partial bool
	// Text is without the newline, and valid until the next record only.
	Text []byte
}

// Open makes a container's log ready to be written to, after what is in it already.
func Open(c Config) (Writer, error) {
	switch c.Driver {
	case "", K8sFile:
		return opened(openFile(c, &k8sFormat{}))
	case JSONFile:
		return opened(openFile(c, &jsonFormat{tag: c.Tag}))
	case Journald:
		return opened(openJournal(c, journalSocket))
	case None:
		return discard{}, nil
	}
	return nil, errs.Invalidf("log driver %q: nothing can be written to it", c.Driver)
}

// opened is no Writer after an error, rather than one of a nil pointer.
func opened[W Writer](w W, err error) (Writer, error) {
	if err != nil {
		return nil, err
	}
	return w, nil
}

// discard is driver none.
type discard struct{}

func (discard) Write(int, []byte, time.Time) {}
func (discard) Flush()                       {}
func (discard) Close() error                 { return nil }
