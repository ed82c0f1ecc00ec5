package linux

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Script is a sequence of system calls for a child between fork and execve. It is data: all that
// could fail in Go, allocate or be scheduled away is done by who writes it. The child shares no
// memory with the caller, so what it does to its credentials does not touch the caller.
type Script struct {
	calls []call
	// explain says of each call what its error means.
	explain []func(error) error
	keep    []any // what arguments point to
	cgroup  *os.File
	clone   func(error) error
	pipe    uintptr
	word    [2]uint32
}

// call is one system call.
type call struct {
	number uintptr
	args   [6]uintptr
	may    [3]syscall.Errno // errors that do not matter; 0 is none
	// last puts the result of the call before in place of the first argument.
	last bool
}

// Into has the child born in a cgroup, nil for the caller's; explain says what an error of clone(2)
// means.
func (s *Script) Into(cgroup *os.File, explain func(error) error) {
	s.cgroup, s.clone = cgroup, explain
}

// Add adds a call. Pointers among the arguments come from Keep.
func (s *Script) Add(explain func(error) error, number uintptr, args ...uintptr) {
	c := call{number: number}
	copy(c.args[:], args)
	s.calls, s.explain = append(s.calls, c), append(s.explain, explain)
}

// May are errors of the call that was added last that do not matter, three at most.
func (s *Script) May(errnos ...syscall.Errno) { copy(s.calls[len(s.calls)-1].may[:], errnos) }

// Last gives the call that was added last the result of the one before as its first argument.
func (s *Script) Last() { s.calls[len(s.calls)-1].last = true }

// Keep is the address of what p points to, which stays valid as long as the script.
func Keep[T any](s *Script, p *T) uintptr {
	s.keep = append(s.keep, p)
	return uintptr(unsafe.Pointer(p))
}

// Text is the address of a NUL-terminated string.
func (s *Script) Text(text string) (uintptr, error) {
	p, err := syscall.BytePtrFromString(text)
	if err != nil {
		return 0, err
	}
	return Keep(s, p), nil
}

// Texts is the address of a NULL-terminated array of them.
func (s *Script) Texts(texts []string) (uintptr, error) {
	p, err := syscall.SlicePtrFromStrings(texts)
	if err != nil {
		return 0, err
	}
	s.keep = append(s.keep, p)
	return uintptr(unsafe.Pointer(&p[0])), nil
}

// Run makes the calls here, in the calling thread: lock the goroutine to it first.
func (s *Script) Run() error {
	defer runtime.KeepAlive(s)
	if step, errno := s.run(); errno != 0 {
		return s.explain[step](errno)
	}
	return nil
}

// Start makes the calls in a child, the last of which is execve, and gives its pid and a pidfd. The
// caller waits for it. Descriptors that the child shall not keep are close-on-exec; those that
// it has to put into other places are above all places.
func (s *Script) Start(places int) (pid int, pidfd *os.File, err error) {
	defer runtime.KeepAlive(s)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, err
	}
	defer unix.Close(pipe[0])
	high, err := unix.FcntlInt(uintptr(pipe[1]), unix.F_DUPFD_CLOEXEC, places)
	_ = unix.Close(pipe[1])
	if err != nil {
		return 0, nil, err
	}
	s.pipe = uintptr(high)
	fd := int32(-1)
	syscall.ForkLock.Lock() // what others open meanwhile has its close-on-exec flag
	pid, errno := s.fork(&fd)
	syscall.ForkLock.Unlock()
	_ = unix.Close(high)
	if errno != 0 {
		return 0, nil, s.clone(errno)
	}
	if err := s.report(pipe[0]); err != nil {
		_ = unix.Close(int(fd))
		reap(pid)
		return 0, nil, err
	}
	return pid, os.NewFile(uintptr(fd), "pidfd"), nil
}

// report is what the child has to say, until execve closes the pipe.
func (s *Script) report(pipe int) error {
	var word [8]byte
	for {
		n, err := unix.Read(pipe, word[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return nil
		}
		step, errno := binary.NativeEndian.Uint32(word[:4]), binary.NativeEndian.Uint32(word[4:])
		return s.explain[step](syscall.Errno(errno))
	}
}

// fork makes the child, as childArgs.fork does, under the same rules.
//
//go:noinline
//go:norace
//go:nocheckptr
func (s *Script) fork(pidfd *int32) (pid int, errno syscall.Errno) {
	args := cloneArgs{
		flags: unix.CLONE_PIDFD, pidfd: uint64(uintptr(unsafe.Pointer(pidfd))), exitSignal: uint64(unix.SIGCHLD),
	}
	if s.cgroup != nil {
		args.flags |= unix.CLONE_INTO_CGROUP
		args.cgroup = uint64(s.cgroup.Fd())
	}
	beforeFork()
	r, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if errno != 0 || r != 0 {
		afterFork()
		return int(r), errno
	}
	afterForkInChild()
	step, errno := s.run()
	s.word[0], s.word[1] = uint32(step), uint32(errno)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, s.pipe, uintptr(unsafe.Pointer(&s.word)), unsafe.Sizeof(s.word))
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 253, 0, 0)
	}
}

// run makes the calls until one fails in a way that matters.
//
//go:nosplit
//go:norace
func (s *Script) run() (step int, errno syscall.Errno) {
	var result uintptr
	for i := range s.calls {
		c := &s.calls[i]
		if c.last {
			c.args[0] = result
		}
		result, _, errno = syscall.RawSyscall6(c.number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
		if errno != 0 && errno != c.may[0] && errno != c.may[1] && errno != c.may[2] {
			return i, errno
		}
	}
	return 0, 0
}
