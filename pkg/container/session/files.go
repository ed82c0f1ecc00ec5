package session

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
)

// Preserved are the caller's descriptors from 3 on: those of --preserve-fds, and a unit's sockets.
func Preserved(n int) ([]*os.File, error) {
	var files []*os.File
	for fd := 3; fd < 3+n; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF // it did not come over execve: Go's runtime has it, or rc
		}
		if err != nil {
			return nil, fmt.Errorf("hand on %d descriptors: descriptor %d: %w", n, fd, err)
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
