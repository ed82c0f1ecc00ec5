package shim

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// madePoint is a mount point that the root does not have: the first process will make it, and what of its path is missing.
type madePoint struct {
	dir  string   // is there; without symbolic links
	rest []string // is not
	// before is when dir was read and changed before.
	before [2]unix.Timespec
}

// notePoints finds out which of Plan.Points will be made in the root, to take them away at the end. Most are there, since they lie below
// the layers: others are behind symbolic links, or were removed by a layer.
func (s *server) notePoints() error {
	if len(s.plan.Points) == 0 {
		return nil
	}
	root, err := os.OpenFile(s.plan.Root(), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, target := range s.plan.Points {
		var p madePoint
		for at := path.Clean("/" + target); ; at = path.Dir(at) {
			fd, err := linux.OpenInRoot(int(root.Fd()), at, unix.O_PATH)
			if errors.Is(err, unix.ENOENT) && at != "/" {
				p.rest = append([]string{path.Base(at)}, p.rest...)
				continue
			}
			if err != nil {
				break // the first process will have more to say
			}
			p.dir, err = os.Readlink(linux.FDPath(fd))
			_ = unix.Close(fd)
			if err != nil {
				return err
			}
			break
		}
		var st unix.Stat_t
		if p.dir == "" || len(p.rest) == 0 || unix.Lstat(p.dir, &st) != nil {
			continue
		}
		p.before = [2]unix.Timespec{st.Atim, st.Mtim}
		s.points = append(s.points, p)
	}
	return nil
}

// pointsMade is called when the first process has made them, and its command does not run yet.
func (s *server) pointsMade() {
	if len(s.points) > 0 {
		// A directory's time itself is not asked for: FUSE may change its mind about it.
		s.ready = time.Now()
	}
}

// removePoints takes away what is still empty of the mount points. A directory that nobody else has changed gets the time that it had.
func (s *server) removePoints() {
	times := make([][2]unix.Timespec, len(s.points))
	for i, p := range s.points {
		var st unix.Stat_t
		if unix.Lstat(p.dir, &st) != nil {
			continue
		}
		if times[i] = p.before; st.Mtim.Nano() > s.ready.UnixNano() {
			times[i] = [2]unix.Timespec{st.Atim, st.Mtim}
		}
	}
	for _, p := range slices.Backward(s.points) {
		for n := len(p.rest); n > 0; n-- {
			if !removeEmpty(filepath.Join(append([]string{p.dir}, p.rest[:n]...)...)) {
				break
			}
		}
	}
	for i, p := range s.points {
		if times[i] != [2]unix.Timespec{} {
			_ = unix.UtimesNanoAt(unix.AT_FDCWD, p.dir, times[i][:], unix.AT_SYMLINK_NOFOLLOW)
		}
	}
}

// removeEmpty removes an empty file or directory.
func removeEmpty(path string) bool {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return unix.Rmdir(path) == nil
	case unix.S_IFREG:
		return st.Size == 0 && unix.Unlink(path) == nil
	}
	return false
}
