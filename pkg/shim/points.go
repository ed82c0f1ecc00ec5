package shim

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// madePoint is a mount point that the root does not have: the first process will make it, and what of its path is missing.
type madePoint struct {
	dir  string   // is there; without symbolic links
	rest []string // is not
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
		if p.dir != "" && len(p.rest) > 0 {
			s.points = append(s.points, p)
		}
	}
	return nil
}

// removePoints takes away what is still empty of the mount points, and gives their parents the time that they had.
func (s *server) removePoints() {
	for _, p := range slices.Backward(s.points) {
		for n := len(p.rest); n > 0; n-- {
			parent := filepath.Join(append([]string{p.dir}, p.rest[:n-1]...)...)
			if !removeEmpty(parent, p.rest[n-1]) {
				break
			}
		}
	}
}

// removeEmpty removes an empty file or directory.
func removeEmpty(parent, name string) bool {
	var was, st unix.Stat_t
	path := filepath.Join(parent, name)
	if unix.Lstat(parent, &was) != nil || unix.Lstat(path, &st) != nil {
		return false
	}
	flags := 0
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		flags = unix.AT_REMOVEDIR
	case unix.S_IFREG:
		if st.Size > 0 {
			return false
		}
	default:
		return false
	}
	if unix.Unlinkat(unix.AT_FDCWD, path, flags) != nil { // it is not empty
		return false
	}
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, parent, []unix.Timespec{was.Atim, was.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
	return true
}
