package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/shim"
)

// points are mount points. A change of the lists needs another name for the directory that has them.
type points struct{ name, dirs, files string }

// ownPoints are what every container mounts on.
func ownPoints() points {
	return points{"skeleton-2", "proc dev sys run etc", "etc/hosts etc/hostname etc/resolv.conf run/.containerenv"}
}

// stepPoints are what steps of builds mount on.
func stepPoints() points {
	return points{"skeleton-build-1", "proc dev sys etc", "etc/hosts etc/resolv.conf"}
}

// Skeleton is the directory with the mount points that are below every root.
func Skeleton(data string) (string, error) { return ownPoints().at(data) }

// at is shim.Plan's Skeleton: a directory with all mount points below every root, so that none
// has to be made in the upper directory, which costs an inode each and the copy of its
// parent, and a place to mount the root on. It is made once below data.
func (p points) at(data string) (string, error) {
	path := filepath.Join(data, p.name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	defer unix.Umask(unix.Umask(0o022))
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(data, p.name+".")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp) // what is left of it: another call may have been faster
	lower := filepath.Join(temp, shim.SkeletonLower)
	err = errors.Join(os.Mkdir(lower, 0o755), os.Mkdir(filepath.Join(temp, shim.SkeletonRoot), 0o755))
	for dir := range strings.FieldsSeq(p.dirs) {
		err = errors.Join(err, os.Mkdir(filepath.Join(lower, dir), 0o755))
	}
	for file := range strings.FieldsSeq(p.files) {
		err = errors.Join(err, os.WriteFile(filepath.Join(lower, file), nil, 0o644))
	}
	if err != nil {
		return "", fmt.Errorf("make %q: %w", path, err)
	}
	if err := os.Rename(temp, path); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return "", err
	}
	return path, nil
}
