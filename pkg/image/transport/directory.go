package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// dirSink fills a directory beside the one that is wanted, and takes its place.
type dirSink struct {
	path string
	dir  string // where files are put
	lock *os.File
}

// newDirSink begins a directory; one that is there is replaced if it is empty or has been written by such a verb.
func newDirSink(path string) (*dirSink, error) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(path, "version")); err != nil {
			return nil, errs.WithHint(fmt.Errorf("write %q: directory: %w, with other files in it", path, errs.ErrExists), "give another name, or an empty directory")
		}
	}
	if err := leftovers(path); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), temporary(path))
	if err != nil {
		return nil, err
	}
	s := &dirSink{path: path, dir: dir}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if s.lock, err = lockDir(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *dirSink) stage() (*os.File, error) { return stageIn(s.dir) }

// stageIn makes a file whose name says that it is not finished.
func stageIn(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".rc-")
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		discard(f)
		return nil, err
	}
	return f, nil
}

func (s *dirSink) adopt(name string, f *os.File) error { return adoptIn(s.dir, name, f) }

// adoptIn moves a staged file to its name.
func adoptIn(dir, name string, f *os.File) error {
	to := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(to), 0o755)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (s *dirSink) write(name string, r io.Reader, size int64) error {
	return writeIn(s.dir, name, r, size)
}

func writeIn(dir, name string, r io.Reader, size int64) error {
	f, err := stageIn(dir)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, r)
	if err == nil && n != size {
		err = fmt.Errorf("%q: %d bytes instead of %d", name, n, size)
	}
	if err != nil {
		discard(f)
		return err
	}
	return adoptIn(dir, name, f)
}

func (s *dirSink) commit() error {
	err := os.Rename(s.dir, s.path)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENOTEMPTY) {
		err = unix.Renameat2(unix.AT_FDCWD, s.dir, unix.AT_FDCWD, s.path, unix.RENAME_EXCHANGE)
		if err == nil {
			err = os.RemoveAll(s.dir)
		}
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", s.path, err)
	}
	s.dir = ""
	return nil
}

func (s *dirSink) drop() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // what stays, the next one deletes
		s.dir = ""
	}
	s.lock.Close()
}

// layoutSink adds to an OCI layout, which others may read meanwhile: each file is complete when it appears,
// and the index comes last.
type layoutSink struct {
	dir  string
	made bool // by us
	lock *os.File
}

func newLayoutSink(path string) (_ *layoutSink, index v1.Index, err error) {
	s := &layoutSink{dir: path}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		s.made = true
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, index, err
	}
	if s.lock, err = lockDir(path); err != nil {
		return nil, index, fmt.Errorf("write %q: %w: another process writes to it: %w", path, errs.ErrInUse, err)
	}
	defer func() {
		if err != nil {
			s.lock.Close()
		}
	}()
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, index, err
	}
	others := false
	for _, e := range entries {
		switch unfinished, _ := filepath.Match(".rc-*", e.Name()); {
		case unfinished: // of killed processes: we have the lock
			if err := os.Remove(filepath.Join(path, e.Name())); err != nil {
				return nil, index, err
			}
		case e.Name() != v1.ImageBlobsDir: // blobs alone are of a killed process, too
			others = true
		}
	}
	data, err := os.ReadFile(filepath.Join(path, v1.ImageIndexFile))
	switch {
	case errors.Is(err, fs.ErrNotExist) && others:
		return nil, index, errs.WithHint(fmt.Errorf("write %q: directory: %w, and is no OCI layout", path, errs.ErrExists), "give another name, or an empty directory")
	case errors.Is(err, fs.ErrNotExist):
		return s, index, nil
	case err == nil:
		if err = json.Unmarshal(data, &index); err != nil {
			err = errs.Invalidf("%s: %w", filepath.Join(path, v1.ImageIndexFile), err)
		}
	}
	return s, index, err
}

func (s *layoutSink) stage() (*os.File, error) { return stageIn(s.dir) }

func (s *layoutSink) adopt(name string, f *os.File) error { return adoptIn(s.dir, name, f) }

func (s *layoutSink) write(name string, r io.Reader, size int64) error {
	return writeIn(s.dir, name, r, size)
}

func (s *layoutSink) has(name string) bool {
	st, err := os.Lstat(filepath.Join(s.dir, name))
	return err == nil && st.Mode().IsRegular()
}

func (s *layoutSink) commit() error {
	s.made = false
	return nil
}

func (s *layoutSink) drop() {
	if s.made {
		_ = os.RemoveAll(s.dir) // an unfinished layout has no index: nobody misses it
	}
	s.lock.Close()
}
