package logs

import (
	"context"
	"time"
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
	if o.Tail >= 0 {
		if r.from, err = r.findTail(segments, o.Tail); err != nil {
			closeSegments(segments)
			return err
		}
		r.last = time.Time{}
	}
	if o.Follow {
		return r.follow(ctx, segments)
	}
	defer closeSegments(segments)
	for _, s := range segments {
		s.limit = s.info.Size() // a writer may be faster than we are
		if err := r.whole(ctx, s); err != nil {
			return err
		}
	}
	return nil
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
