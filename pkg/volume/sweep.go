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
