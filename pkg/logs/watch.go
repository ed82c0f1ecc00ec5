package logs

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// watch tells when a file changes.
type watch struct {
	events chan struct{}
	f      *os.File // nil: there is no inotify for us
	id     int
}

func newWatch() *watch {
	w := &watch{events: make(chan struct{}, 1), id: -1}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	w.f = os.NewFile(uintptr(fd), "inotify")
	go func(f *os.File) {
		buf := make([]byte, 4096)
		for {
			if _, err := f.Read(buf); err != nil {
				return
			}
			select {
			case w.events <- struct{}{}:
			default:
			}
		}
	}(w.f)
	return w
}

// set watches another file in place of the one before.
func (w *watch) set(s *segment) {
	if w.f == nil {
		return
	}
	// By SyscallConn: Fd would make the file block, and Close wait.
	conn, err := w.f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		if w.id >= 0 {
			_, _ = unix.InotifyRmWatch(int(fd), uint32(w.id))
		}
		const changes = unix.IN_MODIFY | unix.IN_MOVE_SELF | unix.IN_ATTRIB
		if w.id, err = unix.InotifyAddWatch(int(fd), linux.FDPath(int(s.f.Fd())), changes); err != nil {
			w.id = -1
		}
	})
}

func (w *watch) close() {
	if w.f != nil {
		_ = w.f.Close()
	}
}
