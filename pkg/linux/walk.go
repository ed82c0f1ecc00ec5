package linux

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WalkDir is filepath.WalkDir for trees in which a path may become longer than the kernel takes
// (PATH_MAX, 4096): test suites make such ones, and so does whoever is malicious. What lies deep down visit
// gets by a path through a descriptor.
func WalkDir(root string, visit fs.WalkDirFunc) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root || len(path) < longPath || !d.IsDir() {
			return visit(path, d, err)
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return visit(path, d, &fs.PathError{Op: "open", Path: path, Err: err})
		}
		defer unix.Close(fd)
		if err := WalkDir(FDPath(fd)+"/.", visit); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

// longPath leaves room for a name of 255 bytes, and is seldom reached: each such step keeps a descriptor open.
const longPath = 3000
