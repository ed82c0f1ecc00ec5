package layer

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// resolve opens a directory below the root as if the root were "/".
func (u *unpacker) resolve(name string) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY
	if name == "" || name == "." {
		return unix.Openat(int(u.root.Fd()), ".", flags|unix.O_CLOEXEC, 0)
	}
	for {
		fd, err := unix.Openat2(int(u.root.Fd()), name, &unix.OpenHow{
			Flags:   uint64(flags | unix.O_CLOEXEC),
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
		})
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue // EAGAIN: a rename elsewhere in the system raced with ".."
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
			// Linux before 5.6, or a seccomp filter that does not know it. Nobody else
			// writes to the directory, so resolving in user space is no race.
			full, err := securejoin.SecureJoin(u.root.Name(), name)
			if err != nil {
				return -1, err
			}
			return unix.Open(full, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		}
		return fd, err
	}
}

// open gives the directory in which an entry is made; it makes the ones that the archive
// left out. The descriptor stays the unpacker's. -1 without an error is a directory that
// this layer deletes.
func (u *unpacker) open(dir string) (int, error) {
	dir = strings.TrimSuffix(dir, "/")
	if u.parent >= 0 && u.parentName == dir {
		return u.parent, nil
	}
	fd, err := u.resolve(dir)
	switch {
	case errors.Is(err, unix.ENOENT):
		fd, err = u.makeAll(dir)
	case errors.Is(err, unix.ENOTDIR) && u.deleted(dir):
		return -1, nil
	}
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return -1, errs.Invalidf("a part of the name is not a directory")
	}
	if err != nil {
		return -1, err
	}
	u.forget()
	u.parent, u.parentName = fd, dir
	return fd, nil
}

// deleted says whether a directory or one above it is a whiteout of this layer.
func (u *unpacker) deleted(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if u.whiteouts[dir] {
			return true
		}
	}
	return false
}

// makeAll makes the directories of a name that are missing, as 0:0 and mode 0755.
func (u *unpacker) makeAll(dir string) (int, error) {
	at, err := u.resolve(".")
	if err != nil {
		return -1, err
	}
	done := ""
	for part := range strings.SplitSeq(dir, "/") {
		done = path.Join(done, part)
		next, err := u.resolve(done)
		if errors.Is(err, unix.ENOENT) {
			err = unix.Mkdirat(at, part, 0o755)
			if errors.Is(err, unix.EEXIST) {
				err = errs.Invalidf("%q is a link that leads nowhere", done)
			}
			if err == nil {
				next, err = u.resolve(done)
			}
		}
		unix.Close(at)
		if err != nil {
			return -1, err
		}
		at = next
	}
	return at, nil
}

// forget closes the directory kept open.
func (u *unpacker) forget() {
	if u.parent >= 0 {
		unix.Close(u.parent)
		u.parent = -1
	}
}

// replacing makes something new; what is there already under the name goes, as with tar.
func (u *unpacker) replacing(parent int, name, base string, create func() error) error {
	err := create()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := remove(parent, base); err != nil {
		return err
	}
	delete(u.whiteouts, name)
	return create()
}

// remove removes a file or a directory tree; links are not followed.
func remove(parent int, base string) error {
	err := unix.Unlinkat(parent, base, 0)
	if errors.Is(err, unix.EISDIR) {
		// parent is a descriptor, so the name has one component that is followed: none.
		return os.RemoveAll(procPath(parent) + "/" + base)
	}
	return err
}

// procPath names an open file where a system call takes only names.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
