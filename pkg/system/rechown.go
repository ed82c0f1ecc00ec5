package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/linux"
)

// Rechown gives files that belong to the ids of the recorded map those that its ids have now.
// It runs in the default map, of which the old ids are a part. Killed, it can be called again: what
// has its new owner is not of an old id any more.
func Rechown(ctx context.Context, cfg *config.Config) error {
	old, err := recorded(cfg)
	if err != nil || old == nil {
		return err
	}
	next := idMap{}
	for file, to := range map[string]*[]specs.LinuxIDMapping{"uid_map": &next.UIDs, "gid_map": &next.GIDs} {
		data, err := os.ReadFile("/proc/self/" + file)
		if err != nil {
			return err
		}
		*to = parseMap(string(data))
	}
	for _, name := range []string{"storage", "containers", "volumes", "trash", "build"} {
		err := linux.WalkDir(filepath.Join(cfg.DataRoot, name), func(path string, _ fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			return rechown(path, *old, next)
		})
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}

// newID is the id here for a file that has the id here, and had one of the old map outside.
func newID(id uint32, old, next []specs.LinuxIDMapping) uint32 {
	for _, n := range next {
		if id < n.ContainerID || id-n.ContainerID >= n.Size {
			continue
		}
		host := n.HostID + id - n.ContainerID
		for _, o := range old {
			if host >= o.HostID && host-o.HostID < o.Size {
				return o.ContainerID + host - o.HostID
			}
		}
	}
	return id
}

// rechown changes one file's owner, and gives it back what the kernel takes from a file whose
// owner changes: set-id bits and capabilities.
func rechown(path string, old, next idMap) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	uid, gid := newID(st.Uid, old.UIDs, next.UIDs), newID(st.Gid, old.GIDs, next.GIDs)
	if uid == st.Uid && gid == st.Gid {
		return nil
	}
	regular := st.Mode&unix.S_IFMT == unix.S_IFREG
	var caps []byte
	if regular {
		buf := make([]byte, 64)
		if n, err := unix.Lgetxattr(path, "security.capability", buf); err == nil {
			caps = buf[:n]
		}
	}
	if err := os.Lchown(path, int(uid), int(gid)); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		if err := unix.Chmod(path, st.Mode&0o7777); err != nil {
			return &fs.PathError{Op: "chmod", Path: path, Err: err}
		}
	}
	if len(caps) > 0 {
		if err := unix.Lsetxattr(path, "security.capability", caps, 0); err != nil {
			return &fs.PathError{Op: "setxattr", Path: path, Err: err}
		}
	}
	return nil
}
