package linux

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// OpenEntry opens name in the directory dir with O_PATH, whatever it is: a symlink is
// opened itself. unix.EXDEV says that something else is mounted there.
func OpenEntry(dir int, name string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// OpenInRoot opens path as a process would whose root directory is root: neither ".." nor
// a symlink leads out (openat2(2), Linux 5.6). The descriptor is close-on-exec.
func OpenInRoot(root int, path string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(root, path, &how)
		// EAGAIN: something was renamed below root meanwhile, so ".." was not sure.
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// maxLinks is how many symlinks that point to nothing are followed: path_resolution(7).
const maxLinks = 40

// MkdirAllInRoot opens the directory path as OpenInRoot does with O_PATH, and makes what
// is missing of it. Where a symlink points to nothing, what it names is made.
func MkdirAllInRoot(root int, path string, mode uint32) (int, error) {
	links := 0
	return makeInRoot(root, path, unix.S_IFDIR|mode, &links)
}

// CreateInRoot opens path with O_PATH, and makes an empty file, and the directories
// above it, where there is nothing.
func CreateInRoot(root int, path string, mode uint32) (int, error) {
	links := 0
	return makeInRoot(root, path, unix.S_IFREG|mode, &links)
}

// makeInRoot opens path or makes it; mode's type is that of a directory or of a file.
func makeInRoot(root int, path string, mode uint32, links *int) (int, error) {
	flags, isDir := unix.O_PATH, mode&unix.S_IFMT == unix.S_IFDIR
	if isDir {
		flags |= unix.O_DIRECTORY
	}
	fd, err := OpenInRoot(root, path, flags)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	parent, name := split(path)
	if name == "" || name == "." || name == ".." {
		return -1, err
	}
	dir, err := makeInRoot(root, parent, unix.S_IFDIR|0o755, links)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	if isDir {
		err = unix.Mkdirat(dir, name, mode&0o7777)
	} else {
		err = unix.Mknodat(dir, name, mode, 0)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, err
	}
	if err != nil {
		// Something is there that openat2 could not follow: a symlink to nothing.
		target := make([]byte, unix.PathMax)
		if n, err := unix.Readlinkat(dir, name, target); err == nil {
			if *links++; *links > maxLinks {
				return -1, unix.ELOOP
			}
			next := string(target[:n])
			if !strings.HasPrefix(next, "/") {
				next = parent + "/" + next
			}
			return makeInRoot(root, next, mode, links)
		}
	}
	return unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// split cuts the last element off path.
func split(path string) (parent, name string) {
	path = strings.TrimRight(path, "/")
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return ".", path
	}
	return path[:i+1], path[i+1:]
}

// ReadInRoot reads the regular file path as OpenInRoot finds it, at most limit bytes. A
// FIFO or a device, which could block or never end, is refused.
func ReadInRoot(root int, path string, limit int) ([]byte, error) {
	fd, err := OpenInRoot(root, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if st.Size > int64(limit) {
		return nil, &os.PathError{Op: "read", Path: path, Err: unix.EFBIG}
	}
	data := make([]byte, 0, st.Size+1)
	for len(data) <= limit {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return data, nil
		}
		data = data[:len(data)+n]
	}
	return nil, &os.PathError{Op: "read", Path: path, Err: unix.EFBIG}
}
