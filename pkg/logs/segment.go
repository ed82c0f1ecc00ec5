package logs

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// segment is one file of a log, opened.
type segment struct {
	f    *os.File
	info os.FileInfo
	off  int64 // what lies before it has been read
	// limit is where to stop, for a file that may grow for as long as it is read; < 0 is nowhere.
	limit int64
	// gap: files that came before it are gone.
	gap bool
}

func openSegment(path string) (*segment, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &segment{f: f, info: info, limit: -1}, nil
}

// is says whether the file has that name now.
func (s *segment) is(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, s.info)
}

// lock tells the writer that somebody is here (see followed), who holds the lock himself for a
// moment when he looks. To go without it is no harm but to a reader that is slow.
func (s *segment) lock() {
	for range 10 {
		if !errors.Is(unix.Flock(int(s.f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// openSegments opens the files that there are, oldest first, as they were at one moment: what is
// rotated meanwhile is opened again.
func openSegments(c *Config) ([]*segment, error) {
	const attempts = 100
	for try := 1; ; try++ {
		var found []*segment
		for n := c.files() - 1; n >= 0; n-- {
			s, err := openSegment(c.rotated(n))
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				closeSegments(found)
				return nil, err
			}
			found = append(found, s)
		}
		if try == attempts || c.are(found) {
			return found, nil
		}
		closeSegments(found)
	}
}

// are says whether the log's files are these.
func (c *Config) are(segments []*segment) bool {
	for n := c.files() - 1; n >= 0; n-- {
		info, err := os.Stat(c.rotated(n))
		if err != nil {
			continue
		}
		if len(segments) == 0 || !os.SameFile(info, segments[0].info) {
			return false
		}
		segments = segments[1:]
	}
	return len(segments) == 0
}

func closeSegments(segments []*segment) {
	for _, s := range segments {
		_ = s.f.Close()
	}
}

// records calls yield with each whole record from off on, without its newline, and moves off
// past it. What has no newline is left: somebody may be writing it.
func (s *segment) records(buf *[]byte, yield func(at int64, record []byte) error) error {
	have := 0
	for {
		if have == len(*buf) {
			*buf = append(*buf, make([]byte, max(len(*buf), firstBuffer))...)
		}
		room := (*buf)[have:]
		if s.limit >= 0 {
			room = room[:min(int64(len(room)), max(s.limit-s.off-int64(have), 0))]
		}
		n, err := s.f.ReadAt(room, s.off+int64(have))
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 0 {
			if again, err := s.emptied(); !again {
				return err
			}
			have = 0
			continue
		}
		have += n
		data := (*buf)[:have]
		for {
			record, rest, whole := bytes.Cut(data, newline)
			if !whole && len(data) < longestRecord {
				break
			}
			at := s.off
			s.off += int64(len(data) - len(rest))
			data = rest
			if err := yield(at, record); err != nil {
				return err
			}
		}
		if err != nil {
			// Not to put together the first half of a record with what may come in its place.
			return nil //nolint:nilerr // io.EOF
		}
		have = copy(*buf, data)
	}
}

const (
	firstBuffer = 256 << 10
	// longestRecord is what is taken for one without having an end: nothing that rc wrote.
	longestRecord = 4 << 20
)

// emptied goes back to the start of a file that somebody has emptied.
func (s *segment) emptied() (bool, error) {
	info, err := s.f.Stat()
	if err != nil || info.Size() >= s.off {
		return false, err
	}
	s.off = 0
	return true, nil
}

// rest is what lies behind the last newline.
func (s *segment) rest() []byte {
	end := s.limit
	if end < 0 {
		end = s.off + longestRecord
	}
	data, _ := io.ReadAll(io.NewSectionReader(s.f, s.off, end-s.off))
	return data
}
