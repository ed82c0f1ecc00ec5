package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ScriptSignals makes every signal's action the default and unblocks all: an ignored signal and
// the mask are inherited over execve(2).
func ScriptSignals(s *Script, explain func(error) error) {
	// struct kernel_sigaction, with room for its largest form; all zero is SIG_DFL.
	var action [32]byte
	const setSize, setMask = 8, 2 // SIG_SETMASK
	zero := Keep(s, &action)
	for sig := 1; sig <= sigRTMax; sig++ {
		if sig != int(unix.SIGKILL) && sig != int(unix.SIGSTOP) {
			s.Add(explain, unix.SYS_RT_SIGACTION, uintptr(sig), zero, 0, setSize)
		}
	}
	s.Add(explain, unix.SYS_RT_SIGPROCMASK, setMask, zero, 0, setSize)
}

// ScriptSeccomp installs filter, an array of struct sock_filter; unix.EINVAL says that it is none.
func ScriptSeccomp(s *Script, explain func(error) error, filter []byte) error {
	const instruction = 8 // sizeof(struct sock_filter)
	prog := &unix.SockFprog{Len: uint16(len(filter) / instruction)}
	if int(prog.Len)*instruction != len(filter) || prog.Len == 0 {
		return unix.EINVAL
	}
	// A []byte may start anywhere; the kernel copies and does not mind.
	prog.Filter = (*unix.SockFilter)(unsafe.Pointer(&filter[0]))
	s.Add(explain, unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, Keep(s, prog))
	return nil
}

// ScriptCapabilities sets the capabilities: permitted ones are effective, too, and the ambient ones
// have to be inheritable.
func ScriptCapabilities(s *Script, explain func(error) error, permitted, inheritable, ambient uint64) {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := &[2]unix.CapUserData{
		{Effective: uint32(permitted), Permitted: uint32(permitted), Inheritable: uint32(inheritable)},
		{Effective: uint32(permitted >> 32), Permitted: uint32(permitted >> 32), Inheritable: uint32(inheritable >> 32)},
	}
	s.Add(explain, unix.SYS_CAPSET, Keep(s, header), Keep(s, data))
	s.Add(explain, unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	for i := range uintptr(64) {
		if ambient&(1<<i) != 0 {
			s.Add(explain, unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, i)
		}
	}
}
