package logs

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// watch tells when files of a log change, by inotify; it keeps the chain up to date meanwhile.
// Where there is no inotify (no instance left, a network file system), it tells nothing.
type watch struct {
	changed chan struct{}
	f       *os.File
	done    chan struct{}
}

func newWatch(c *chain) *watch {
	w := &watch{changed: make(chan struct{}, 1), done: make(chan struct{})}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		close(w.done)
		return w
	}
	// The directory's, not the file's: it hears of new files, too.
	_, _ = unix.InotifyAddWatch(fd, filepath.Dir(c.c.Path), unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO)
	w.f = os.NewFile(uintptr(fd), "inotify")
	go w.run(c, []byte(filepath.Base(c.c.Path)))
	return w
}

func (w *watch) run(c *chain, name []byte) {
	defer close(w.done)
	buf := make([]byte, 4096)
	for {
		n, err := w.f.Read(buf)
		if err != nil {
			return
		}
		if !concerns(buf[:n], name) {
			continue
		}
		_ = c.refresh() // the reader gets the same error
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

// concerns says whether an event is about a file whose name begins like that, or is none that
// names a file.
func concerns(events, name []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		// struct inotify_event of inotify(7): the name's length is the last of its numbers.
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[unix.SizeofInotifyEvent-4:]))
		if end == unix.SizeofInotifyEvent || end > len(events) || bytes.HasPrefix(events[unix.SizeofInotifyEvent:end], name) {
			return true
		}
		events = events[end:]
	}
	return false
}

func (w *watch) close() {
	if w.f != nil {
		_ = w.f.Close()
	}
	<-w.done
}
