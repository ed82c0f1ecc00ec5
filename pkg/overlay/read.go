package overlay

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// ReadFile reads a file of limit bytes at most of layers, topmost first, that are not mounted. One
// that is not there, or no file, is empty.
func ReadFile(layers []string, path string, limit int) ([]byte, error) {
	for _, layer := range layers {
		data, err := readIn(layer, path, limit)
		switch {
		case err == nil:
			return data, nil
		case errors.Is(err, fs.ErrNotExist) && !covers(layer, path):
			continue
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ENXIO), errors.Is(err, unix.EISDIR):
			return nil, nil // deleted by that layer, or no file
		}
		return nil, err
	}
	return nil, nil
}

func readIn(layer, path string, limit int) ([]byte, error) {
	root, err := os.OpenFile(layer, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return linux.ReadInRoot(int(root.Fd()), path, limit)
}

// covers tells whether a layer hides what lower ones have at path: a whiteout is a device, or,
// of fuse-overlayfs, a file .wh.NAME; and a directory may be opaque.
func covers(layer, path string) bool {
	dir, name := filepath.Split(filepath.Join(layer, path))
	for _, mark := range []string{".wh." + name, ".wh..wh..opq"} {
		if _, err := os.Lstat(filepath.Join(dir, mark)); err == nil {
			return true
		}
	}
	var value [1]byte
	n, err := unix.Getxattr(dir, "user.overlay.opaque", value[:])
	return err == nil && n == 1 && value[0] == 'y'
}

// Names are what is in a directory of layers, topmost first, that are not mounted, sorted; names of
// directories end with a slash. What cannot be read is left out.
func Names(layers []string, path string) []string {
	found, hidden := map[string]bool{}, map[string]bool{}
	for _, layer := range layers {
		entries, err := entriesIn(layer, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			break // deleted by that layer, or no directory
		}
		var gone []string
		for _, e := range entries {
			name, isMark := strings.CutPrefix(e.Name(), ".wh.")
			switch {
			case isMark || e.Type()&fs.ModeCharDevice != 0: // whiteouts: no layer of ours has devices
				gone = append(gone, name)
			case !hidden[name]:
				if e.IsDir() {
					name += "/"
				}
				found[name] = true
				gone = append(gone, e.Name())
			}
		}
		for _, name := range gone {
			hidden[name] = true
		}
		if covers(layer, filepath.Join(path, "x")) || covers(layer, path) {
			break
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func entriesIn(layer, path string) ([]fs.DirEntry, error) {
	root, err := os.OpenFile(layer, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fd, err := linux.OpenInRoot(int(root.Fd()), path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	dir := os.NewFile(uintptr(fd), path)
	defer dir.Close()
	return dir.ReadDir(-1)
}
