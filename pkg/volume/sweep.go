package volume

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// fresh is how long a new directory may be without its maker's lock.
const fresh = time.Second

// Unfinished are directories that killed makers of volumes left.
func (r Root) Unfinished() ([]string, error) {
	entries, err := os.ReadDir(r.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var left []string
	for _, e := range entries {
		path := filepath.Join(r.dir(), e.Name())
		if strings.HasPrefix(e.Name(), making) && abandoned(path) {
			left = append(left, path)
		}
	}
	return left, nil
}

// abandoned says whether nobody has the lock of a directory that is to become a volume.
func abandoned(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || time.Since(info.ModTime()) < fresh {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return flock(f, unix.LOCK_EX|unix.LOCK_NB) == nil
}

// Sweep takes away what killed makers of volumes left.
func (r Root) Sweep() error {
	left, err := r.Unfinished()
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// Untidy are the volumes in which killed imports, or killed containers that filled them, left
// something: what living ones are at is not among them.
func (r Root) Untidy() ([]string, error) {
	names, err := r.Names()
	if err != nil {
		return nil, err
	}
	var untidy []string
	for _, name := range names {
		if r.abandoned(name, unfilledFile, fillDir) || r.abandoned(name, lockFile, unpackDir) || r.abandoned(name, lockFile, importDir) {
			untidy = append(untidy, name)
		}
	}
	return untidy, nil
}

// abandoned says whether a directory of a volume is there, and nobody has the lock of those who
// work in it. Without the lock file nobody does: it comes first, and goes last.
func (r Root) abandoned(name, lock, dir string) bool {
	if _, err := os.Lstat(filepath.Join(r.Dir(name), dir)); err != nil {
		return false
	}
	f, err := os.Open(filepath.Join(r.Dir(name), lock))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	return flock(f, unix.LOCK_EX|unix.LOCK_NB) == nil
}

// Tidy ends imports that were killed, and deletes what was not whole. It is called in the
// default map.
func (r Root) Tidy() error {
	names, err := r.Untidy()
	for _, name := range names {
		err = errors.Join(err, r.Finish(name), r.tidy(name, lockFile, unpackDir), r.tidy(name, unfilledFile, fillDir))
	}
	return err
}

// tidy deletes an abandoned directory while nobody can begin to work in it.
func (r Root) tidy(name, lock, dir string) error {
	f, err := os.Open(filepath.Join(r.Dir(name), lock))
	if err == nil {
		defer f.Close()
		if flock(f, unix.LOCK_EX|unix.LOCK_NB) != nil {
			return nil
		}
	}
	return os.RemoveAll(filepath.Join(r.Dir(name), dir))
}

// Mend writes the record of a volume anew that cannot be read: labels and options are lost,
// and the files stay as they are.
func (r Root) Mend(name string) error {
	_, err := r.Load(name)
	if _, broken := errors.AsType[*BrokenError](err); !broken {
		return err // mended meanwhile
	}
	created := time.Now()
	if info, err := os.Stat(r.Path(name)); err == nil {
		created = info.ModTime()
	}
	if err := os.Mkdir(r.Path(name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	text, err := json.Marshal(spec.Volume{Name: name, Driver: spec.DriverLocal, Created: created})
	if err != nil {
		return err
	}
	return linux.ReplaceFile(filepath.Join(r.Dir(name), recordFile), text)
}
