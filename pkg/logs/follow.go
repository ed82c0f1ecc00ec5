package logs

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Where inotify says nothing (no instance left, a network file system), looking must do.
const (
	slowPoll = 250 * time.Millisecond
	// fastPoll is for the moment in a rotation in which no file has the log's name.
	fastPoll = 5 * time.Millisecond
)

// reader reads the files of one log.
type reader struct {
	c      Config
	format format
	o      ReadOptions
	yield  func(Line) error

	buf  []byte
	last time.Time // of the record before
	base int64     // of the current segment, in bytes from where reading began
	from [3]int64  // where each stream's first wanted record lies
}

func readFiles(ctx context.Context, c Config, f format, o ReadOptions, yield func(Line) error) error {
	r := &reader{c: c, format: f, o: o, yield: yield}
	segments, err := openSegments(&c)
	if err != nil {
		return err
	}
	defer func() { closeSegments(segments) }()
	if o.Follow && len(segments) > 0 {
		segments[len(segments)-1].lock()
	}
	if o.Tail >= 0 {
		if r.from, err = r.findTail(segments, o.Tail); err != nil {
			return err
		}
	}
	for len(segments) > 0 {
		s := segments[0]
		if len(segments) == 1 && o.Follow {
			break
		}
		s.limit = s.info.Size()
		if err := r.whole(ctx, s); err != nil {
			return err
		}
		_ = s.f.Close()
		segments = segments[1:]
	}
	if !o.Follow {
		return nil
	}
	var current *segment
	if len(segments) > 0 {
		current, segments = segments[0], nil
	}
	return r.follow(ctx, current)
}

// whole reads a file that nobody writes to any more, or one up to its limit.
func (r *reader) whole(ctx context.Context, s *segment) error {
	if err := r.drain(ctx, s); err != nil {
		return err
	}
	if rest := s.rest(); len(rest) > 0 && !r.format.begins(rest) {
		// No torn record: it was written by something else.
		if err := r.record(s.off, rest); err != nil {
			return err
		}
	}
	r.base += max(s.off, s.info.Size())
	return nil
}

// drain reads what is there.
func (r *reader) drain(ctx context.Context, s *segment) error {
	if start := min(r.from[Stdout], r.from[Stderr]) - r.base; s.off < start {
		s.off = min(start, s.info.Size())
	}
	n := 0
	return s.records(&r.buf, func(at int64, record []byte) error {
		if n++; n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return r.record(at, record)
	})
}

func (r *reader) record(at int64, record []byte) error {
	l := r.parse(record)
	if r.base+at < r.from[l.Stream] || !r.o.wants(l.Time) {
		return nil
	}
	return r.yield(l)
}

func (r *reader) parse(record []byte) Line {
	l, ok := r.format.parse(record)
	if !ok {
		return Line{Time: r.last, Stream: Stdout, Text: record}
	}
	r.last = l.Time
	return l
}

// follow reads on until the container has ended. current is nil where there is no file yet.
func (r *reader) follow(ctx context.Context, current *segment) error {
	w := newWatch()
	defer w.close()
	defer func() {
		if current != nil {
			_ = current.f.Close()
		}
	}()
	if current != nil {
		w.set(current)
	}
	for {
		// In this order: what was written before the end is read.
		ended := r.ended()
		if current != nil {
			if err := r.drain(ctx, current); err != nil {
				return err
			}
		}
		next, gap, err := r.successor(current)
		if err != nil {
			return err
		}
		if next != nil {
			next.lock()
			if current != nil {
				if err := r.whole(ctx, current); err != nil { // what came before it was moved
					return err
				}
				_ = current.f.Close()
			}
			current = next
			w.set(current)
			if gap {
				err := r.yield(Line{Time: time.Now(), Stream: Stderr, Text: []byte("rc: lines were rotated away before they could be read")})
				if err != nil {
					return err
				}
			}
			continue
		}
		if ended {
			if current == nil {
				return nil
			}
			return r.whole(ctx, current)
		}
		if r.o.Idle != nil {
			r.o.Idle()
		}
		if err := r.wait(ctx, w, current); err != nil {
			return err
		}
	}
}

// ended says whether there is nothing to wait for.
func (r *reader) ended() bool {
	if !r.o.Until.IsZero() && time.Now().After(r.o.Until) {
		return true
	}
	select {
	case <-r.o.Ended:
		return true
	default:
		return false
	}
}

func (r *reader) wait(ctx context.Context, w *watch, current *segment) error {
	pause := slowPoll
	if current != nil && !current.is(r.c.Path) {
		pause = fastPoll
	}
	if !r.o.Until.IsZero() {
		pause = min(pause, max(time.Until(r.o.Until), time.Millisecond))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.o.Ended:
	case <-w.events:
	case <-timer.C:
	}
	return nil
}

// successor opens the next newer file; nil: there is none yet. gap says that there were others
// between which are gone.
func (r *reader) successor(current *segment) (next *segment, gap bool, err error) {
	const attempts = 100
	for range attempts {
		at := -1
		oldest := -1
		for n := range r.c.files() {
			info, err := os.Stat(r.c.rotated(n))
			if err != nil {
				continue
			}
			oldest = n
			if current != nil && os.SameFile(info, current.info) {
				at = n
				break
			}
		}
		switch {
		case at == 0, oldest < 0:
			return nil, false, nil
		case at < 0: // rotated away, or removed by somebody
			next, err := openSegment(r.c.rotated(oldest))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			return next, current != nil && r.c.files() > 1, err
		}
		for n := at - 1; n >= 0; n-- { // over the gaps of a rotation that was killed
			next, err = openSegment(r.c.rotated(n))
			if !errors.Is(err, os.ErrNotExist) {
				break
			}
		}
		switch {
		case next == nil && errors.Is(err, os.ErrNotExist):
			return nil, false, nil // in the middle of a rotation
		case err != nil:
			return nil, false, err
		case current.is(r.c.rotated(at)):
			return next, false, nil
		}
		_ = next.f.Close() // rotated meanwhile: this may be one too far
	}
	return nil, false, nil
}

// watch tells when a file changes.
type watch struct {
	events chan struct{}
	f      *os.File // nil: there is no inotify for us
	id     int
}

func newWatch() *watch {
	w := &watch{events: make(chan struct{}, 1), id: -1}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	w.f = os.NewFile(uintptr(fd), "inotify")
	go func(f *os.File) {
		buf := make([]byte, 4096)
		for {
			if _, err := f.Read(buf); err != nil {
				return
			}
			select {
			case w.events <- struct{}{}:
			default:
			}
		}
	}(w.f)
	return w
}

// set watches another file in place of the one before.
func (w *watch) set(s *segment) {
	if w.f == nil {
		return
	}
	// By SyscallConn: Fd would make the file block, and Close wait.
	conn, err := w.f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		if w.id >= 0 {
			_, _ = unix.InotifyRmWatch(int(fd), uint32(w.id))
		}
		const changes = unix.IN_MODIFY | unix.IN_MOVE_SELF | unix.IN_ATTRIB
		if w.id, err = unix.InotifyAddWatch(int(fd), linux.FDPath(int(s.f.Fd())), changes); err != nil {
			w.id = -1
		}
	})
}

func (w *watch) close() {
	if w.f != nil {
		_ = w.f.Close()
	}
}
