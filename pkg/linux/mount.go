package linux

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// FDPath is a name for what a descriptor refers to, usable where a system call takes
// only a path: it does not depend on names that somebody could exchange meanwhile.
// It needs /proc.
func FDPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// CloneTree makes a detached copy of the mount at path, with what is mounted below it if
// recursive, and returns a descriptor for it (open_tree(2), Linux 5.2). An empty path is
// dirfd itself. The caller attaches or closes it.
func CloneTree(dirfd int, path string, recursive bool) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.OpenTree(dirfd, path, flags)
}

// AttachTree puts a detached mount onto path below dirfd, or onto dirfd itself when path
// is empty. A symlink at the end of path is not followed.
func AttachTree(tree, dirfd int, path string) error {
	flags := unix.MOVE_MOUNT_F_EMPTY_PATH
	if path == "" {
		flags |= unix.MOVE_MOUNT_T_EMPTY_PATH
	}
	return unix.MoveMount(tree, "", dirfd, path, flags)
}

// SetMountAttr changes a mount and, if recursive, all below it in one step
// (mount_setattr(2), Linux 5.12). Flags that it is not told to clear stay, so those which
// a user namespace locks are not touched.
func SetMountAttr(mount int, recursive bool, attr *unix.MountAttr) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(mount, "", flags, attr)
}

// MountFlags are the MS_* flags that a mount has and that a remount must repeat: those it
// leaves out would be cleared, which a user namespace may not do.
func MountFlags(fd int) (uintptr, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return 0, err
	}
	// ST_* and MS_* agree in these bits (statfs(2)), but for relatime.
	const same = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME
	const stRelatime = 0x1000
	flags := uintptr(st.Flags) & same
	if st.Flags&stRelatime != 0 {
		flags |= unix.MS_RELATIME
	}
	return flags, nil
}

// PivotRoot makes root, a mount point, the root of this mount namespace and unmounts the
// old one. Old and new root lie on top of each other for a moment, so that no directory
// for the old one is needed (pivot_root(2), "pivot_root(".", ".")").
func PivotRoot(root int) error {
	if err := unix.Fchdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	// The current directory is the old root now, on top of the new one.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// ReadOnlyExe opens this program such that nobody can write to it: through a read-only
// mount that exists nowhere in the file system, or, before Linux 5.12, as a sealed copy in
// memory. Whoever finds it as /proc/PID/exe finds it read-only. The caller closes it.
func ReadOnlyExe() (*os.File, error) {
	const self = "/proc/self/exe"
	f, err := readOnlyMount(self)
	if errors.Is(err, unix.EINVAL) {
		// It was executed through another mount namespace, as when the caller's parent used
		// /proc/self/exe itself. The same file may have a name in this one.
		if name, linkErr := os.Readlink(self); linkErr == nil {
			f, err = readOnlyMount(name)
		}
	}
	if err == nil && !sameFile(f, self) {
		_ = f.Close()
		err = unix.EINVAL
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		// Too old a kernel, a filter that knows no mount_setattr, or no CAP_SYS_ADMIN.
		return sealedCopy(self)
	}
	return f, err
}

// sameFile tells whether f is what path leads to.
func sameFile(f *os.File, path string) bool {
	var a, b unix.Stat_t
	return unix.Fstat(int(f.Fd()), &a) == nil && unix.Stat(path, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

func readOnlyMount(path string) (*os.File, error) {
	tree, err := CloneTree(unix.AT_FDCWD, path, false)
	if err != nil {
		return nil, os.NewSyscallError("open_tree", err)
	}
	if err := SetMountAttr(tree, false, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		_ = unix.Close(tree)
		return nil, os.NewSyscallError("mount_setattr", err)
	}
	return os.NewFile(uintptr(tree), path), nil
}

func sealedCopy(path string) (*os.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := SealedMemfd("exe", data)
	if err != nil {
		return nil, err
	}
	// Another user, inside the container, has to be able to execute it.
	if err := f.Chmod(0o555); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
