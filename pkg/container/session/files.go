package session

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
)

// Preserved are the caller's descriptors from 3 on: those of --preserve-fds, and a unit's sockets, and the named ones
// of --preserve-fd, under their own numbers. What lies between is /dev/null.
func Preserved(n int, named []int) ([]*os.File, error) {
	const first = 3
	end := first + n
	for _, fd := range named {
		end = max(end, fd+1)
	}
	var files []*os.File
	for fd := first; fd < end; fd++ {
		if fd >= first+n && !slices.Contains(named, fd) {
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				return nil, err
			}
			files = append(files, null)
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF // it did not come over execve: Go's runtime has it, or rc
		}
		if err != nil {
			return nil, fmt.Errorf("hand on descriptor %d: %w", fd, err)
		}
		files = append(files, os.NewFile(uintptr(fd), "preserved"))
	}
	return files, nil
}

// Unwritten is the error for a command that has ended while what it printed could not be written, on a
// full disk: its own code stays where that tells of a failure already.
func Unwritten(end shim.Event) error {
	if end.Unwritten == "" {
		return nil
	}
	return errs.WithCode(errors.New(end.Unwritten), cmp.Or(end.Code, errs.CodeError))
}
