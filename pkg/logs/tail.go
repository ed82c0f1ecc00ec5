package logs

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// pieceBudget is how far the pieces of a long line are looked for before the wanted lines, where the
// other stream's lines lie between them.
const pieceBudget = 256 << 10

// tail finds where the last lines begin, going backwards from the end.
type tail struct {
	wanted, count int
	// from is where each stream's first wanted record lies, at its index; counted over all files.
	from [3]int64
	// open: a line of the stream is wanted, earlier pieces of it are too. closed: they are all found.
	open, closed [3]bool
	budget       int64
}

// visit takes the next record towards the beginning; false: it was enough.
func (t *tail) visit(at int64, size int, l *Line) bool {
	s := l.Stream
	if t.count == t.wanted {
		t.budget -= int64(size)
	}
	switch {
	case t.closed[s]:
	case l.Partial && t.open[s]:
		t.from[s] = at
		t.budget = pieceBudget // however long the line is: it is the gaps that are bounded
	case t.count < t.wanted:
		t.count++
		t.open[s] = true
		t.from[s] = at
	default:
		t.closed[s] = true
	}
	return t.count < t.wanted || t.budget > 0 && (t.open[Stdout] && !t.closed[Stdout] || t.open[Stderr] && !t.closed[Stderr])
}

// findTail says where each stream's part of the last n lines begins, in bytes from the first
// segment's start. It reads no more than that, and a little.
func (r *reader) findTail(segments []*segment, n int) ([3]int64, error) {
	end := int64(0)
	for _, s := range segments {
		end += s.info.Size()
	}
	t := &tail{wanted: n, from: [3]int64{end, end, end}, budget: pieceBudget}
	base := end
	for _, s := range slices.Backward(segments) {
		base -= s.info.Size()
		more, err := s.backwards(func(at int64, record []byte, whole bool) bool {
			if !whole && r.format.begins(record) {
				return true // half written
			}
			l := r.parse(record)
			return t.visit(base+at, len(record), &l)
		})
		if err != nil || !more {
			return t.from, err
		}
	}
	return t.from, nil
}

// backwards calls visit with the records from the file's end to its start, until it says that
// it is enough. whole says whether there is a newline after it.
func (s *segment) backwards(visit func(at int64, record []byte, whole bool) bool) (more bool, err error) {
	const block = 64 << 10
	var carry []byte // the end of a record whose beginning is not read yet
	whole := false
	for start := s.info.Size(); start > 0; {
		step := min(start, max(block, int64(len(carry)))) // doubles, for a record without end
		start -= step
		data := make([]byte, step, step+int64(len(carry)))
		if n, err := s.f.ReadAt(data, start); err != nil && (!errors.Is(err, io.EOF) || n < len(data)) {
			return false, err
		}
		data = append(data, carry...)
		for {
			i := bytes.LastIndexByte(data, '\n')
			if i < 0 {
				break
			}
			record := data[i+1:]
			if (whole || len(record) > 0) && !visit(start+int64(i)+1, record, whole) {
				return false, nil
			}
			data, whole = data[:i], true
		}
		carry = data
	}
	if whole || len(carry) > 0 {
		return visit(0, carry, whole), nil
	}
	return true, nil
}
