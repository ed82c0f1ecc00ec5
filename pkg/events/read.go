package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ReadOptions say which events are wanted.
type ReadOptions struct {
	// Since and Until bound the time of an event; zero is no bound.
	Since, Until time.Time
	// Stream waits for what happens until Until, or for ever. With neither Since nor Until it
	// begins with what comes next.
	Stream bool
	// Match selects events, nil is all.
	Match func(Event) bool
}

func (o *ReadOptions) wants(e Event) bool {
	return (o.Since.IsZero() || !e.Time.Before(o.Since)) && (o.Until.IsZero() || !e.Time.After(o.Until)) &&
		(o.Match == nil || o.Match(e))
}

// Read calls f for each event in the order of the journal. It ends at the end of the journal,
// or for a stream at o.Until or with the context, whose end is its error then; or with f's error.
func Read(ctx context.Context, runRoot string, o ReadOptions, f func(Event) error) error {
	r := &reader{path: filepath.Join(runRoot, fileName), options: o, f: f}
	if err := r.read(ctx); err != nil {
		if r.failed != nil {
			return r.failed
		}
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// reader goes through the files of a journal.
type reader struct {
	path    string
	options ReadOptions
	f       func(Event) error
	failed  error // of f

	file *os.File // the one that is being read
	part []byte   // of a line whose end is not there yet
}

func (r *reader) read(ctx context.Context) error {
	defer r.close()
	if !r.options.Stream {
		return r.rest(ctx)
	}
	// Before the first look at the files, so that nothing happens between.
	w, err := watch(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	defer w.close()
	if r.options.Since.IsZero() && r.options.Until.IsZero() {
		if err := r.skip(); err != nil {
			return err
		}
	}
	for {
		if err := r.rest(ctx); err != nil {
			return err
		}
		if until := r.options.Until; !until.IsZero() && !time.Now().Before(until) {
			return nil
		}
		if err := w.wait(ctx, r.options.Until); err != nil {
			return err
		}
	}
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
}

// skip goes to the end of the present file.
func (r *reader) skip() error {
	f, err := os.Open(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.file = f
	_, err = f.Seek(0, io.SeekEnd)
	return err
}

// rest reads what is there and has not been read yet, over all files.
func (r *reader) rest(ctx context.Context) error {
	for {
		newer, err := r.newer()
		if err != nil {
			return err
		}
		// Where there are newer ones, nobody writes to the file in hand any more.
		if err := r.lines(ctx); err != nil {
			closeAll(newer)
			return err
		}
		if len(newer) == 0 {
			return nil
		}
		for i, f := range newer {
			r.close()
			r.file, r.part = f, nil
			if err := r.lines(ctx); err != nil {
				closeAll(newer[i+1:])
				return err
			}
		}
		// The last may have been renamed meanwhile.
	}
}

// newer opens the files that come after the one in hand: all of them where there is none in
// hand, or where it has been renamed so often that it is gone.
func (r *reader) newer() ([]*os.File, error) {
	if r.file != nil {
		if info, err := r.file.Stat(); err != nil || isAt(info, r.path) {
			return nil, err
		}
	}
	for {
		files, err := openAll(r.path)
		if err != nil || len(files) == 0 {
			return nil, err
		}
		last, err := files[len(files)-1].Stat()
		if err != nil {
			closeAll(files)
			return nil, err
		}
		if _, err := os.Lstat(r.path); err == nil && !isAt(last, r.path) {
			closeAll(files)
			continue // renamed while they were opened
		}
		return r.after(files), nil
	}
}

// after closes the files up to the one in hand.
func (r *reader) after(files []*os.File) []*os.File {
	if r.file == nil {
		return files
	}
	own, err := r.file.Stat()
	if err != nil {
		return files
	}
	for i, f := range files {
		if info, err := f.Stat(); err == nil && os.SameFile(own, info) {
			closeAll(files[:i+1])
			return files[i+1:]
		}
	}
	return files
}

// openAll opens what there is of a journal, oldest first, each file once.
func openAll(path string) ([]*os.File, error) {
	var files []*os.File
	var before os.FileInfo
	for n := kept; n >= 0; n-- {
		name := path
		if n > 0 {
			name = older(path, n)
		}
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			closeAll(files)
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			closeAll(files)
			return nil, err
		}
		if before != nil && os.SameFile(before, info) {
			f.Close() // renamed between two openings: the caller sees to what was missed
			continue
		}
		before = info
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// lines reads the file in hand to its end.
func (r *reader) lines(ctx context.Context) error {
	if r.file == nil {
		return nil
	}
	buf := make([]byte, 16*longest)
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n, err := r.file.Read(buf)
		if n == 0 {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		if err := r.take(buf[:n]); err != nil {
			return err
		}
	}
}

// take goes through the lines that data ends.
func (r *reader) take(data []byte) error {
	for {
		line, rest, whole := bytes.Cut(data, []byte{'\n'})
		if !whole {
			// What is longer than any line is none: only its end could hold one.
			r.part = append(r.part, data...)
			if over := len(r.part) - 2*longest; over > 0 {
				r.part = append(r.part[:0], r.part[over:]...)
			}
			return nil
		}
		if len(r.part) > 0 {
			line = append(r.part, line...)
			r.part = r.part[:0]
		}
		data = rest
		if e, ok := parse(line); ok && r.options.wants(e) {
			if r.failed = r.f(e); r.failed != nil {
				return r.failed
			}
		}
	}
}
