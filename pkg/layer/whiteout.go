package layer

import (
	"archive/tar"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Names of the OCI image specification, layer.md, "Whiteouts".
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
	// whiteoutMeta begins other names that aufs kept for itself.
	whiteoutMeta = ".wh..wh."
)

// opaqueXattr is read by kernel overlays mounted with userxattr (Linux 5.11) and by
// fuse-overlayfs.
const opaqueXattr = "user.overlay.opaque"

// whiteout makes what hides an entry of a lower layer.
func (u *unpacker) whiteout(parent int, name, base string) error {
	if base == whiteoutOpaque {
		return u.opaque(parent)
	}
	if strings.HasPrefix(base, whiteoutMeta) {
		return nil
	}
	hidden := strings.TrimPrefix(base, whiteoutPrefix)
	if hidden == "" || hidden == "." || hidden == ".." {
		return errs.Invalidf("a whiteout of nothing")
	}
	name = path.Join(path.Dir(name), hidden)
	if u.o.DotWh {
		u.res.DotWh = true
		return u.dotWh(parent, base)
	}
	err := unix.Mknodat(parent, hidden, unix.S_IFCHR, 0)
	switch {
	case err == nil:
		u.whiteouts[name] = true
		return nil
	case !errors.Is(err, unix.EEXIST):
		return fmt.Errorf("make whiteout: %w", err)
	case u.whiteouts[name] || !isDirectory(parent, hidden):
		// A file of this layer hides the lower one by itself.
		return nil
	}
	// The directory is this layer's own: only what is below it goes.
	fd, err := unix.Openat(parent, hidden, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return u.opaque(fd)
}

// opaque hides everything that lower layers have in a directory.
func (u *unpacker) opaque(fd int) error {
	if u.o.DotWh {
		u.res.DotWh = true
		return u.dotWh(fd, whiteoutOpaque)
	}
	if err := unix.Setxattr(procPath(fd), opaqueXattr, []byte{'y'}, 0); err != nil {
		return fmt.Errorf("make opaque: setxattr %s: %w", opaqueXattr, err)
	}
	return nil
}

func (u *unpacker) dotWh(parent int, base string) error {
	fd, err := unix.Openat(parent, base, unix.O_CREAT|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("make whiteout: %w", err)
	}
	return unix.Close(fd)
}

// Native says whether whiteouts of the kernel's kind can be made in a directory: mknod(2) of
// 0/0 in a user namespace (Linux 5.8) and user.* attributes (on tmpfs since 6.6, not on NFS before 5.9).
func Native(dir string) bool {
	// The name is this process's own: another one may be probing as well.
	probe := path.Join(dir, ".probe-"+strconv.Itoa(unix.Getpid()))
	_ = unix.Unlink(probe)
	if unix.Mknod(probe, unix.S_IFCHR, 0) != nil {
		return false
	}
	_ = unix.Unlink(probe)
	if unix.Setxattr(dir, "user.overlay.probe", []byte{'y'}, 0) != nil {
		return false
	}
	_ = unix.Removexattr(dir, "user.overlay.probe")
	return true
}

// steering says whether an attribute is one by which overlay file systems and container tools steer themselves: an
// archive must not be able to set them.
func steering(name string) bool {
	for _, prefix := range []string{"user.overlay.", "user.fuseoverlayfs.", "user.containers.", "trusted."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// paxXattr begins the PAX records that carry attributes (star, GNU tar, Go, BSD).
const paxXattr = "SCHILY.xattr."

// setXattrs sets the attributes that an ordinary user may have. ACLs name ids that need not
// exist here, and labels are the host's business: both are left out.
func setXattrs(file string, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, paxXattr)
		if !ok || steering(name) || !strings.HasPrefix(name, "user.") && name != "security.capability" {
			continue
		}
		err := unix.Setxattr(file, name, []byte(value), 0)
		if errors.Is(err, unix.ENOTSUP) {
			continue // the file system has none
		}
		if err != nil {
			return fmt.Errorf("set attribute %q: %w", name, err)
		}
	}
	return nil
}
