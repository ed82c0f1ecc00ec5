package logs

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// fullBuffer is how much is formatted before it is written: a chunk of short lines becomes
	// twenty times as long, and shall not stay in memory.
	fullBuffer = 128 << 10
	// slack is how far beyond MaxSize a file grows for a follower in the oldest one.
	slack = 16 << 20
)

// file is the writer of k8s-file and json-file. It is the only one, and appends: where a user
// empties the file, it goes on at its new end.
type file struct {
	splitter

	c      Config
	via    Config // c with a Path through dir
	dir    int    // the file's, wherever it is moved to be deleted; -1 where nothing is rotated
	format format
	fd     int
	size   int64 // as far as we know: a user may have emptied it
	limit  int64 // size at which to rotate
	now    time.Time

	buf  []byte
	torn int64 // bytes of half a record at the file's end, to be cut off
	lost loss
}

// loss is what could not be written and is not told yet.
type loss struct {
	bytes int64
	cause error // the first one
}

func (l *loss) add(n int64, cause error) {
	if l.bytes == 0 {
		l.cause = cause
	}
	l.bytes += n
}

func (l *loss) text() []byte {
	return fmt.Appendf(nil, "rc: %d bytes of output were lost: %v", l.bytes, l.cause)
}

func openFile(c Config, f format) (*file, error) {
	fail := func(err error) (*file, error) { return nil, fmt.Errorf("open log %q: %w", c.Path, err) }
	// Not to wait for a reader, should it be a FIFO.
	fd, err := retry(func() (int, error) {
		return unix.Open(c.Path, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	})
	if err != nil {
		return fail(err)
	}
	w := &file{c: c, format: f, fd: fd, dir: -1}
	w.emit = w.add
	var st unix.Stat_t
	switch err = unix.Fstat(fd, &st); {
	case err != nil:
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		err = errors.New("not a regular file")
	default:
		err = errors.Join(w.mend(st.Size), w.openDir())
	}
	if err != nil {
		_ = w.close()
		return fail(err)
	}
	w.limit = c.MaxSize
	return w, nil
}

// mend makes the file end with a whole record: a shim may have been killed while it wrote.
// Only what looks like our own is cut off, since --log-opt path may name any file.
func (w *file) mend(size int64) error {
	tail := make([]byte, min(size, maxRecord))
	n, err := unix.Pread(w.fd, tail, size-int64(len(tail)))
	if err != nil {
		return err
	}
	tail = tail[:n]
	last := bytes.LastIndexByte(tail, '\n') + 1
	torn := tail[last:]
	w.size = size
	switch {
	case len(torn) == 0:
		return nil
	case w.format.begins(torn) && (last > 0 || size == int64(n)):
		w.size -= int64(len(torn))
		return unix.Ftruncate(w.fd, w.size)
	}
	n, err = w.write(newline)
	w.size += int64(n)
	return err
}

// maxRecord is longer than any record: each byte may become six.
const maxRecord = 6*maxText + 4096

func (w *file) Write(stream int, p []byte, now time.Time) {
	w.now = now
	w.format.stamp(now)
	w.splitter.write(stream, p)
	w.put(w.buf)
	w.buf = w.buf[:0]
}

// add formats one record, and writes what is formatted where it is enough.
func (w *file) add(stream int, text []byte, partial bool) {
	start := len(w.buf)
	w.buf = w.format.append(w.buf, stream, text, partial)
	switch {
	case w.c.MaxSize > 0 && w.size+int64(len(w.buf)) > w.limit && w.size+int64(start) > 0:
		w.put(w.buf[:start])
		w.rotate()
		w.buf = w.buf[:copy(w.buf, w.buf[start:])]
	case len(w.buf) >= fullBuffer:
		w.put(w.buf)
		w.buf = w.buf[:0]
	}
}

// put writes whole records: all of them, or as many as there is room for.
func (w *file) put(records []byte) {
	if len(records) == 0 {
		return
	}
	if err := w.tell(); err != nil {
		w.lose(records, err)
		return
	}
	kept, err := w.append(records)
	if err != nil {
		w.lose(records[kept:], err)
	}
}

// tell writes what was lost before, if anything was.
func (w *file) tell() error {
	if w.lost.bytes == 0 {
		return nil
	}
	if _, err := w.append(w.format.append(nil, Stderr, w.lost.text(), false)); err != nil {
		return err
	}
	w.lost = loss{}
	return nil
}

// append writes records, and says how many bytes of whole ones are in the file.
func (w *file) append(records []byte) (int, error) {
	if err := w.trim(); err != nil {
		return 0, err
	}
	n, err := w.write(records)
	kept := n
	if err != nil {
		kept = bytes.LastIndexByte(records[:n], '\n') + 1
		w.torn = int64(n - kept)
		_ = w.trim() // else before the next record
	}
	w.size += int64(kept)
	return kept, err
}

// trim cuts off half a record.
func (w *file) trim() error {
	if w.torn == 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(w.fd, &st); err != nil {
		return err
	}
	if err := unix.Ftruncate(w.fd, max(st.Size-w.torn, 0)); err != nil {
		return err
	}
	w.torn = 0
	return nil
}

// lose counts the container's bytes in records.
func (w *file) lose(records []byte, cause error) {
	for record := range bytes.SplitSeq(records, newline) {
		if l, ok := w.format.parse(record); ok {
			n := int64(len(l.Text))
			if !l.Partial {
				n++
			}
			w.lost.add(n, cause)
		}
	}
}

// write is write(2) of all of p, as far as that goes.
func (w *file) write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = retry(func() (int, error) { return unix.Write(w.fd, p[n:]) })
		n += max(m, 0)
		if m == 0 && err == nil {
			err = unix.EIO // there is nothing that it could mean
		}
	}
	return n, err
}

func (w *file) Flush() {
	if w.now.IsZero() {
		return // nothing was ever written
	}
	w.flush()
	w.put(w.buf)
	w.buf = nil
}

func (w *file) Close() error {
	w.Flush()
	err := w.tell()
	w.handOver()
	if err != nil {
		err = fmt.Errorf("log %q: %d bytes of output were lost: %w", w.c.Path, w.lost.bytes, w.lost.cause)
	}
	return errors.Join(err, w.close())
}

func (w *file) close() error {
	if w.dir >= 0 {
		_ = unix.Close(w.dir)
	}
	return unix.Close(w.fd)
}

// retry repeats what a signal has interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
