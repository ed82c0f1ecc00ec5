package worker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// clamp gives what is younger than the build's timestamp, if it has one, that time.
func (b *builder) clamp(dir string) error {
	if b.o.CreatedAfter == nil {
		return nil
	}
	latest := time.Unix(*b.o.CreatedAfter, 0)
	at := unix.NsecToTimespec(latest.UnixNano())
	touch := func(path string) error {
		err := unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "set the time of", Path: path, Err: err}
		}
		return nil
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !info.ModTime().After(latest) {
			return err
		}
		return touch(path)
	})
}
