package linux

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls in this file act on the calling thread, except that signal actions belong to
// the process: lock the goroutine to its thread first.

// GroupMapped tells whether the user namespace knows a group: setfsgid(2) changes nothing
// otherwise, and returns what was before. It needs CAP_SETGID.
func GroupMapped(gid int) bool {
	const query = -1 // no group, so nothing changes
	before, err := unix.SetfsgidRetGid(gid)
	if err != nil {
		return false
	}
	now, err := unix.SetfsgidRetGid(query)
	_, restored := unix.SetfsgidRetGid(before)
	return err == nil && restored == nil && now == gid
}

// LoadSeccomp installs filter, an array of struct sock_filter, for the calling thread. It
// needs no_new_privs or CAP_SYS_ADMIN.
func LoadSeccomp(filter []byte) error {
	var s Script
	if err := ScriptSeccomp(&s, func(err error) error { return err }, filter); err != nil {
		return err
	}
	return s.Run()
}

// ResetSignals makes every signal's action the default and unblocks all.
func ResetSignals() error {
	var s Script
	ScriptSignals(&s, func(err error) error { return err })
	return s.Run()
}

// ExecFD executes the program that fd refers to (execveat(2)); it returns only an error.
func ExecFD(fd int, argv, env []string) error {
	args, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	envs, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	var empty byte
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(&empty)),
		uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&envs[0])), unix.AT_EMPTY_PATH, 0)
	return errno
}
