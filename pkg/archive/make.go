package archive

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// mode is an entry's mode as it may be set.
func (u *unpacker) mode(h *tar.Header) uint32 {
	if u.o.Owner == nil {
		return uint32(h.Mode & 0o1777)
	}
	return uint32(h.Mode & 0o7777)
}

func (u *unpacker) directory(dir int, base, name string, h *tar.Header) error {
	err := unix.Mkdirat(dir, base, 0o700)
	if errors.Is(err, unix.EEXIST) {
		if u.isDirectory(dir, base, name) {
			return nil
		}
		if !u.o.Overwrite {
			return errs.WithHint(errs.Invalidf("there is a file of that name"), "use --overwrite to replace it")
		}
		if err := unix.Unlinkat(dir, base, 0); err != nil {
			return err
		}
		err = unix.Mkdirat(dir, base, 0o700)
	}
	if err != nil {
		return err
	}
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if err := u.chown(fd, h); err != nil {
		return err
	}
	u.dirs = append(u.dirs, madeDir{name, inode{st.Dev, st.Ino}, h})
	return setAttributes(fd, h)
}

// isDirectory says whether entries can go below a name that is taken already.
func (u *unpacker) isDirectory(dir int, base, name string) bool {
	var st unix.Stat_t
	if unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return false
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK || u.o.Confined {
		return st.Mode&unix.S_IFMT == unix.S_IFDIR
	}
	fd, err := u.at.open(u.within(name)) // a link to a directory, as /bin is in most images
	if err == nil {
		_ = unix.Close(fd)
	}
	return err == nil
}

func (u *unpacker) chown(fd int, h *tar.Header) error {
	if u.o.Owner == nil {
		return nil
	}
	uid, gid := u.o.Owner(h.Uid, h.Gid)
	if err := unix.Fchown(fd, uid, gid); err != nil {
		return ownerError(uid, gid, err)
	}
	return nil
}

func ownerError(uid, gid int, err error) error {
	if errors.Is(err, unix.EINVAL) {
		return errs.Invalidf("its owner would be %d:%d, which the ranges in /etc/subuid and /etc/subgid do not reach", uid, gid)
	}
	return fmt.Errorf("chown: %w", err)
}

// regular writes a file beside its name and renames it.
func (u *unpacker) regular(dir int, base string, h *tar.Header, r io.Reader) error {
	if err := u.mayReplace(dir, base); err != nil {
		return err
	}
	temp := ".rc-cp-" + rand.Text()[:12]
	fd, err := unix.Openat(dir, temp, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	err = u.fill(f, h, r)
	if err == nil {
		err = u.rename(dir, temp, base, f)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, temp, 0)
		return err
	}
	return f.Close() // some file systems report a full disk only here
}

func (u *unpacker) fill(f *os.File, h *tar.Header, r io.Reader) error {
	if err := u.copy(f, r); err != nil {
		return err
	}
	fd := int(f.Fd())
	if err := u.chown(fd, h); err != nil {
		return err
	}
	// After chown(2), which takes setuid and setgid away, as it does file capabilities.
	if err := unix.Fchmod(fd, u.mode(h)); err != nil {
		return fmt.Errorf("chmod: %w", err)
	}
	if err := setAttributes(fd, h); err != nil {
		return err
	}
	ts := times(h)
	return unix.UtimesNanoAt(unix.AT_FDCWD, linux.FDPath(fd), ts[:], 0)
}

// copy writes a file's content and leaves holes where there is nothing but zeros.
func (u *unpacker) copy(f *os.File, r io.Reader) error {
	const piece = 64 << 10
	if u.buf == nil {
		u.buf = make([]byte, 2*piece) // the second half stays zero
	}
	buf, zeros := u.buf[:piece], u.buf[piece:]
	size, hole := int64(0), false
	for {
		// Not io.ReadFull: its ErrUnexpectedEOF would be the same as that of a cut off archive.
		n, err := readUp(r, buf)
		if hole = n == piece && bytes.Equal(buf, zeros); hole {
			if _, err := f.Seek(piece, io.SeekCurrent); err != nil {
				return err
			}
		} else if _, err := f.Write(buf[:n]); err != nil {
			return err
		}
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return f.Truncate(size) // the last piece may have been a hole
		}
		if err != nil {
			return err
		}
	}
}

// readUp fills buf as far as there is something to read.
func readUp(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	return n, err
}

// rename puts a finished file in its place. What is mounted there, as /etc/hosts is, cannot
// be replaced: it is written to.
func (u *unpacker) rename(dir int, temp, base string, f *os.File) error {
	err := unix.Renameat(dir, temp, dir, base)
	if errors.Is(err, unix.EISDIR) && u.o.Overwrite {
		if err := removeAll(dir, base); err != nil {
			return err
		}
		err = unix.Renameat(dir, temp, dir, base)
	}
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	to := os.NewFile(uintptr(fd), base)
	defer to.Close()
	if info, err := to.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, errs.Invalidf("what is mounted there is not a file"))
	}
	if err := to.Truncate(0); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(to, f); err != nil {
		return err
	}
	return unix.Unlinkat(dir, temp, 0)
}

// mayReplace refuses a directory in the place of what is no directory.
func (u *unpacker) mayReplace(dir int, base string) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && !u.o.Overwrite {
		return errs.WithHint(errs.Invalidf("there is a directory of that name"), "use --overwrite to replace it")
	}
	return nil // whatever is wrong, making it will say
}

// replacing makes something that cannot be renamed into its place.
func (u *unpacker) replacing(dir int, base string, create func() error) error {
	err := create()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := u.mayReplace(dir, base); err != nil {
		return err
	}
	if err := removeAll(dir, base); err != nil {
		return err
	}
	return create()
}

// removeAll removes a file, or with Overwrite a tree; links are not followed.
func removeAll(dir int, base string) error {
	err := unix.Unlinkat(dir, base, 0)
	if errors.Is(err, unix.EISDIR) {
		// dir is a descriptor, so the name has one component that is followed: none.
		return os.RemoveAll(linux.FDPath(dir) + "/" + base)
	}
	return err
}

// link makes a hard link to an entry that came before.
func (u *unpacker) link(dir int, base string, h *tar.Header) error {
	name, err := entryName(&tar.Header{Name: h.Linkname})
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", h.Linkname, err)
	}
	// locate keeps one directory only, and this entry's is in use.
	at, target := u.parent, u.parentName
	u.parent = -1
	from, first, err := u.locate(name)
	defer func() {
		u.keep(at, target)
	}()
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", h.Linkname, err)
	}
	if from < 0 {
		return errs.Invalidf("hard link to %q, a directory", h.Linkname)
	}
	err = u.replacing(dir, base, func() error { return unix.Linkat(from, first, dir, base, 0) })
	if errors.Is(err, unix.ENOENT) {
		return errs.Invalidf("hard link to %q, which the archive does not have before it", h.Linkname)
	}
	if err != nil {
		return fmt.Errorf("hard link to %q: %w", h.Linkname, err)
	}
	return nil
}

// attributes sets owner, mode and times of a symbolic link or a fifo.
func (u *unpacker) attributes(dir int, base string, h *tar.Header) error {
	if u.o.Owner != nil {
		uid, gid := u.o.Owner(h.Uid, h.Gid)
		if err := unix.Fchownat(dir, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return ownerError(uid, gid, err)
		}
	}
	if h.Typeflag == tar.TypeFifo {
		// Not by name, which could be a link by now.
		fd, err := unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
			return err
		}
		if err := unix.Chmod(linux.FDPath(fd), u.mode(h)); err != nil {
			return fmt.Errorf("chmod: %w", err)
		}
	}
	ts := times(h)
	return unix.UtimesNanoAt(dir, base, ts[:], unix.AT_SYMLINK_NOFOLLOW)
}

// times are an entry's for utimensat(2). One that does not fit is the epoch, as with tar.
func times(h *tar.Header) [2]unix.Timespec {
	at := h.AccessTime
	if at.IsZero() {
		at = h.ModTime
	}
	return [2]unix.Timespec{timespec(at), timespec(h.ModTime)}
}

func timespec(t time.Time) unix.Timespec {
	if t.Unix() < 0 {
		t = time.Unix(0, 0)
	}
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}
