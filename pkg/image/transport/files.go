package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image/manifest"
	"github.com/rc-containers/rc/pkg/linux"
)

// files are the members of an archive, or what is in a directory.
type files interface {
	// open opens a plain file; errs.ErrNotFound says that there is none of that name.
	open(name string) (*file, error)
	has(name string) bool
	Close() error
}

// file is an opened member. Close it.
type file struct {
	io.ReadCloser
	size int64
}

// read gives a small file.
func read(f files, name string) ([]byte, error) {
	r, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.size > manifest.MaxJSON {
		return nil, errs.Invalidf("archive member %q: %d bytes are more than %d", name, r.size, manifest.MaxJSON)
	}
	return io.ReadAll(io.LimitReader(r, manifest.MaxJSON))
}

func decode(f files, name string, to any) error {
	data, err := read(f, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return errs.Invalidf("archive member %q: %w", name, err)
	}
	return nil
}

// directory is one on disk. Its symbolic links lead nowhere out of it.
type directory struct{ *os.File }

func (d directory) open(name string) (*file, error) {
	// What is no plain file must not make us wait.
	fd, err := linux.OpenInRoot(int(d.Fd()), name, unix.O_RDONLY|unix.O_NONBLOCK)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: file %q: %w", d.Name(), name, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: open %q: %w", d.Name(), name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errs.Invalidf("%s: %q is no plain file", d.Name(), name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{f, st.Size()}, nil
}

func (d directory) has(name string) bool {
	f, err := d.open(name)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
