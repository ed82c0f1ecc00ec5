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

// skeletonDirs and skeletonFiles are what every container mounts on. A change of the lists
// needs another name for the directory, skeletonName.
const (
	skeletonName  = "skeleton-2"
	skeletonDirs  = "proc dev sys run etc"
	skeletonFiles = "etc/hosts etc/hostname etc/resolv.conf run/.containerenv"
)

// Skeleton is the directory with the mount points that are below every root.
func Skeleton(data string) (string, error) { return skeleton(data) }

// skeleton is shim.Plan's: a directory with all mount points below every root, so that none
// has to be made in the upper directory, which costs an inode each and the copy of its
// parent, and a place to mount the root on. It is made once below data.
func skeleton(data string) (string, error) {
	path := filepath.Join(data, skeletonName)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	defer unix.Umask(unix.Umask(0o022))
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(data, skeletonName+".")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp) // what is left of it: another call may have been faster
	lower := filepath.Join(temp, shim.SkeletonLower)
	err = errors.Join(os.Mkdir(lower, 0o755), os.Mkdir(filepath.Join(temp, shim.SkeletonRoot), 0o755))
	for dir := range strings.FieldsSeq(skeletonDirs) {
		err = errors.Join(err, os.Mkdir(filepath.Join(lower, dir), 0o755))
	}
	for file := range strings.FieldsSeq(skeletonFiles) {
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
