package index

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// lockFiles has the lock files of the store's library that this process has read. They stay open: the library locks
// them with fcntl(2), and a process that closes any descriptor of a file gives up all locks that it has of that file,
// another goroutine's too.
type lockFiles struct {
	mu   sync.Mutex
	open map[string]*os.File
}

// locks is what the kernel keeps by process, and so for the whole program.
var locks lockFiles

// read gives the content of a lock file, nothing where there is none.
func (l *lockFiles) read(path string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.open[path]
	if f != nil && !isAt(f, path) {
		f = nil // of a store that is no more; whoever has its locks has them of nothing
	}
	if f == nil {
		var err error
		if f, err = os.Open(path); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if l.open == nil {
			l.open = map[string]*os.File{}
		}
		l.open[path] = f
	}
	const most = 1 << 10 // an id has 64 bytes
	data, err := io.ReadAll(io.NewSectionReader(f, 0, most))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

// isAt says whether a file is still the one of that name.
func isAt(f *os.File, path string) bool {
	var a, b unix.Stat_t
	return unix.Fstat(int(f.Fd()), &a) == nil && unix.Stat(path, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}
