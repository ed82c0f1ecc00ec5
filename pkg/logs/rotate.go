package logs

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// rotated is the path of an older file; the higher the number, the older.
func (c *Config) rotated(n int) string {
	if n == 0 {
		return c.Path
	}
	return c.Path + "." + strconv.Itoa(n)
}

// openDir opens what rotations work in.
func (w *file) openDir() (err error) {
	if w.c.MaxSize == 0 {
		return nil
	}
	w.dir, err = unix.Open(filepath.Dir(w.c.Path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	w.via = w.c
	w.via.Path = filepath.Join(linux.FDPath(w.dir), filepath.Base(w.c.Path))
	return err
}

// rotate starts a new file. Where that cannot be, the current one grows on, and it is tried
// again later.
func (w *file) rotate() {
	oldest := w.c.files() - 1
	if oldest > 0 && w.size < w.c.MaxSize+slack && followed(w.via.rotated(oldest)) {
		w.limit = w.size + max(w.c.MaxSize/4, 64<<10)
		return
	}
	w.limit = w.size + w.c.MaxSize
	fresh := w.via.Path + ".new"
	fd, err := retry(func() (int, error) {
		return unix.Open(fresh, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	})
	if err != nil {
		return
	}
	for n := oldest; n > 0; n-- {
		// One that is not there is a gap that a killed shim has left, or was never made.
		if err := unix.Rename(w.via.rotated(n-1), w.via.rotated(n)); err != nil && n == 1 && err != unix.ENOENT {
			_, _ = unix.Close(fd), os.Remove(fresh)
			return
		}
	}
	if err := unix.Rename(fresh, w.via.Path); err != nil {
		_, _ = unix.Close(fd), os.Remove(fresh)
		return
	}
	_ = unix.Close(w.fd)
	w.fd, w.size, w.torn, w.limit = fd, 0, 0, w.c.MaxSize
}

// followed says whether a follower is still in a file: it holds a lock on it. Nobody waits.
func followed(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// handOver waits, not for long, for a follower that has not opened the newest file yet: with
// --rm all will be gone in a moment, and it is not the container's fault that the machine is busy.
func (w *file) handOver() {
	const patience, step = time.Second, time.Millisecond
	if w.c.MaxSize == 0 {
		return // the only file is the newest
	}
	for waited := time.Duration(0); waited < patience; waited += step {
		behind := false
		for n := w.c.files() - 1; n > 0 && !behind; n-- {
			behind = followed(w.via.rotated(n))
		}
		if !behind || followed(w.via.Path) {
			return
		}
		time.Sleep(step)
	}
}
