package linux

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls in this file act on the calling thread, except that signal actions belong to
// the process: lock the goroutine to its thread first.

// Setgroups, Setgid and Setuid of package syscall change every thread, which a process
// that is about to execute does not need, and cannot have under a seccomp filter.

// SetThreadGroups sets the supplementary groups.
func SetThreadGroups(gids []uint32) error {
	var first unsafe.Pointer
	if len(gids) > 0 {
		first = unsafe.Pointer(&gids[0])
	}
	return errnoErr(unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(gids)), uintptr(first), 0))
}

// SetThreadGID sets the real, effective and saved group.
func SetThreadGID(gid uint32) error {
	return errnoErr(unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)))
}

// SetThreadUID sets the real, effective and saved user.
func SetThreadUID(uid uint32) error {
	return errnoErr(unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)))
}

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
	const instruction = 8 // sizeof(struct sock_filter)
	prog := unix.SockFprog{Len: uint16(len(filter) / instruction)}
	if int(prog.Len)*instruction != len(filter) || prog.Len == 0 {
		return unix.EINVAL
	}
	// A []byte may start anywhere; the kernel copies and does not mind.
	prog.Filter = (*unix.SockFilter)(unsafe.Pointer(&filter[0]))
	return errnoErr(unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))))
}

// ResetSignals makes every signal's action the default and unblocks all: an ignored signal
// and the mask are inherited over execve(2).
func ResetSignals() error {
	// struct kernel_sigaction, with room for its largest form; all zero is SIG_DFL.
	var action [32]byte
	const setSize = 8
	for sig := 1; sig <= sigRTMax; sig++ {
		if sig == int(unix.SIGKILL) || sig == int(unix.SIGSTOP) {
			continue
		}
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, setSize, 0, 0)
		if errno != 0 {
			return errno
		}
	}
	var none uint64
	const setMask = 2 // SIG_SETMASK
	return errnoErr(unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&none)), 0, setSize, 0, 0))
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

func errnoErr(_, _ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}
