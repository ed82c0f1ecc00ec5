package transport

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// noSpace says what to do where the disk is full.
func noSpace(err error) error {
	if errors.Is(err, unix.ENOSPC) && errs.Hint(err) == "" {
		return errs.WithCheck(err, "free some space, or write elsewhere", "disk")
	}
	return err
}

// output is a file that appears under its name when it is complete.
type output struct {
	*os.File
	path  string // "" where the file is written to as it is: a pipe, a device, standard output
	named bool   // the file has a temporary name
}

// newOutput begins to write a file, or to what is there that is no plain file. Where the file system can, the
// file has no name until it is complete, so that not even a killed process leaves anything.
func newOutput(path string) (*output, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return nil, errs.WithHint(errs.Invalidf("write %q: it is a directory", path), "--format oci-dir or docker-dir write one")
	case err == nil && !st.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{File: f}, err
	}
	dir := filepath.Dir(path)
	f, err := os.OpenFile(dir, os.O_WRONLY|unix.O_TMPFILE, 0o644)
	if err == nil {
		return &output{File: f, path: path}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if f, err = os.CreateTemp(dir, temporary(path)+"*"); err != nil {
		return nil, err
	}
	if err := f.Chmod(0o644); err != nil {
		discard(f)
		return nil, err
	}
	return &output{File: f, path: path, named: true}, nil
}

// temporary is how the names of unfinished files begin.
func temporary(path string) string { return "." + filepath.Base(path) + ".rc-" }

// commit gives the file its name, in place of one that has it.
func (o *output) commit() error {
	if o.path == "" {
		return nil
	}
	name := o.Name()
	if !o.named {
		name = filepath.Join(filepath.Dir(o.path), fmt.Sprintf("%s%d", temporary(o.path), os.Getpid()))
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// linkat(2): a file without a name is named by the link that /proc has of it.
		if err := unix.Linkat(unix.AT_FDCWD, linux.FDPath(int(o.Fd())), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW); err != nil {
			return &os.LinkError{Op: "link", Old: o.path, New: name, Err: err}
		}
	}
	if err := os.Rename(name, o.path); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return o.Close()
}

func (o *output) drop() {
	if o.path == "" {
		return // it is the caller's
	}
	if o.Close() == nil && o.named {
		_ = os.Remove(o.Name()) // not committed: commit has closed it
	}
}

// tarSink is an archive. Its members have nothing that would differ from one time to the next.
type tarSink struct {
	out *output
	w   *tar.Writer
	tmp string
	// dirs are those that have been written: readers that make them by themselves give them to root, and fail.
	dirs map[string]bool
}

func newTarSink(file string, out *os.File, tmp string) (*tarSink, error) {
	o := &output{File: out}
	if file != "" {
		var err error
		if o, err = newOutput(file); err != nil {
			return nil, err
		}
	}
	return &tarSink{out: o, w: tar.NewWriter(o), tmp: tmp, dirs: map[string]bool{".": true}}, nil
}

func (s *tarSink) stage() (*os.File, error) {
	f, err := os.CreateTemp(s.tmp, "rc-save-")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

func (s *tarSink) adopt(name string, f *os.File) error {
	defer f.Close()
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	return s.write(name, f, size)
}

func (s *tarSink) write(name string, r io.Reader, size int64) error {
	if err := s.parents(path.Dir(name)); err != nil {
		return err
	}
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if size >= maxUSTAR {
		h.Format = tar.FormatPAX
	}
	if err := s.w.WriteHeader(h); err != nil {
		return fmt.Errorf("archive member %q: %w", name, err)
	}
	if _, err := io.Copy(s.w, r); err != nil {
		return err
	}
	return s.w.Flush() // too few bytes are an error
}

// maxUSTAR is the size from which ustar's field for it is too short, in bytes.
const maxUSTAR = 8 << 30

// parents writes the directories above a member.
func (s *tarSink) parents(dir string) error {
	if s.dirs[dir] {
		return nil
	}
	if err := s.parents(path.Dir(dir)); err != nil {
		return err
	}
	s.dirs[dir] = true
	return s.w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
}

func (s *tarSink) commit() error {
	if err := s.w.Close(); err != nil {
		return err
	}
	return s.out.commit()
}

func (s *tarSink) drop() { s.out.drop() }

// leftovers deletes what killed processes left of a path; what is being written is locked.
func leftovers(path string) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporary(path)) || !e.IsDir() {
			continue
		}
		left := filepath.Join(dir, e.Name())
		lock, err := lockDir(left)
		if err != nil {
			continue // it is in use, or not ours
		}
		err = os.RemoveAll(left)
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// lockDir locks a directory until it is closed; an error if somebody else has.
func lockDir(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
