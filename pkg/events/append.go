package events

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// fileName is that of the journal in the runtime directory.
	fileName = "events"
	// full is the size at which a new file is begun: about 3,000 events.
	full = 1 << 20
	// kept is how many full ones stay. The runtime directory is memory.
	kept = 3
)

// Append writes an event to the journal of a runtime directory. It never waits. Its error is
// worth a line in a log at most: the deed is done whether the journal has it or not.
func Append(runRoot string, e Event) error {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.Round(0) // the monotonic clock is nobody else's
	line, err := e.line()
	if err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	if err := appendLine(filepath.Join(runRoot, fileName), line, full); err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	return nil
}

// appendLine writes to the file that has the path while it writes. Whoever renames it is
// done in microseconds, unless he was stopped: nobody waits for that.
func appendLine(path string, line []byte, full int64) error {
	const tries = 50
	for n := range tries + 1 {
		f, err := open(path)
		if err != nil {
			return err
		}
		done, err := tryLine(f, path, line, full, n == tries)
		if err = errors.Join(err, f.Close()); done || err != nil {
			return err
		}
	}
	return nil // the last try is always done
}

func open(path string) (*os.File, error) {
	const flags = os.O_APPEND | os.O_WRONLY | os.O_CREATE
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			f, err = os.OpenFile(path, flags, 0o600)
		}
	}
	return f, err
}

// tryLine writes the line unless the file is being renamed, or was. anyway is to write
// whatever becomes of the file.
func tryLine(f *os.File, path string, line []byte, full int64, anyway bool) (done bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	locked := func(how int) bool { return flock(f, how|unix.LOCK_NB) == nil }
	switch {
	case anyway:
	case info.Size() >= full && locked(unix.LOCK_EX):
		if isAt(info, path) {
			err = rotate(path)
		}
		return false, err
	case !locked(unix.LOCK_SH) || !isAt(info, path):
		return false, nil
	}
	_, err = f.Write(line)
	return true, err
}

// rotate makes room for a new file. The caller has the exclusive lock on the one at path.
func rotate(path string) error {
	for n := kept - 1; n > 0; n-- {
		err := os.Rename(older(path, n), older(path, n+1))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(path, older(path, 1))
}

// older is the path of the nth file before the present one.
func older(path string, n int) string { return path + "." + strconv.Itoa(n) }

// isAt says whether the file of info still has this path.
func isAt(info os.FileInfo, path string) bool {
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(info, there)
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
