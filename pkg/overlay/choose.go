package overlay

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// The mount programs, as --storage-opt mount_program= names them.
const (
	Auto   = "auto"
	Native = "native"
	Fuse   = "fuse-overlayfs"
)

// Choice is a mount program and the reason for it, for rc info.
type Choice struct {
	Program string `json:"program"` // Native or Fuse
	Reason  string `json:"reason"`
}

// File systems that the kernel's overlay cannot have as its upper directory, by the
// magic numbers of statfs(2) (linux/magic.h and the file systems' own headers).
var unfit = map[int64]string{
	unix.NFS_SUPER_MAGIC:       "NFS",
	unix.SMB_SUPER_MAGIC:       "SMB",
	unix.CIFS_SUPER_MAGIC:      "CIFS",
	unix.SMB2_SUPER_MAGIC:      "SMB2",
	unix.FUSE_SUPER_MAGIC:      "FUSE",
	unix.V9FS_MAGIC:            "9p",
	unix.MSDOS_SUPER_MAGIC:     "FAT",
	unix.EXFAT_SUPER_MAGIC:     "exFAT",
	unix.ECRYPTFS_SUPER_MAGIC:  "eCryptfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlay",
	unix.AFS_SUPER_MAGIC:       "AFS",
	unix.CEPH_SUPER_MAGIC:      "Ceph",
}

// Choose decides what mounts roots whose upper directories lie below dir, which must
// exist and be the caller's. A wish other than Auto is followed, except where it cannot
// be: then the error says why. An absolute path is a fuse-overlayfs of the user's own, as
// in storage.conf(5).
func Choose(wish, dir string) (Choice, error) {
	if wish == Fuse || filepath.IsAbs(wish) {
		return Choice{Fuse, "asked for"}, nil
	}
	obstacle := nativeObstacle(dir) // a reason, no failure
	switch wish {
	case Native:
		if obstacle != nil {
			return Choice{}, errs.WithCheck(
				errs.Unsupportedf("mount program native: %w", obstacle),
				"use --storage-opt mount_program=auto, or keep the data elsewhere with --root", "overlay")
		}
		return Choice{Native, "asked for"}, nil
	case Auto, "":
		if obstacle != nil {
			return Choice{Fuse, "the kernel's overlayfs cannot be used: " + obstacle.Error()}, nil //nolint:nilerr // the way out is taken
		}
		return Choice{Native, "the kernel and the file system of " + dir + " allow it"}, nil
	}
	return Choice{}, errs.Invalidf("mount program %q: want auto, native, fuse-overlayfs or its path", wish)
}

// nativeObstacle says what keeps the kernel's overlayfs from working below dir.
func nativeObstacle(dir string) error {
	if !linux.KernelAtLeast(5, 11) {
		return errors.New("unprivileged mounts came with Linux 5.11")
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("statfs %q: %w", dir, err)
	}
	if name, bad := unfit[st.Type]; bad {
		return fmt.Errorf("%s is on %s", dir, name)
	}
	// Opaque directories are marked by user.* attributes (tmpfs has them since Linux 6.6).
	// Asking for one that is not there tells without writing.
	_, err := unix.Getxattr(dir, "user.overlay.opaque", nil)
	if errors.Is(err, unix.ENOTSUP) {
		return fmt.Errorf("the file system of %s has no user extended attributes", dir)
	}
	return nil
}
