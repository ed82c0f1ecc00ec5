package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UsernsFork is a program to be started in a user namespace that exists already. A process
// with several threads, such as any of Go's, cannot enter one (EINVAL, setns(2)); a child can
// between fork and execve, but package syscall has no such step. nsenter(1) could do no better:
// it would have to be executed before the container's mount namespace is entered, so that for
// a while the container could reach the host's root by its /proc/PID/root.
type UsernsFork struct {
	// Userns is the namespace, or a pidfd of a process in it.
	Userns *os.File
	// Netns, where it is set, is a network namespace of it that the child joins, too.
	Netns *os.File
	// UID and GID are what the child becomes there. It has all capabilities, as ambient ones
	// where UID is not 0.
	UID, GID uint32
	// Cloneflags are the CLONE_NEW* of namespaces that the child gets, which belong to Userns.
	Cloneflags uintptr
	// Cgroup is the cgroup that the child is born in; nil is the caller's.
	Cgroup *os.File
	// Sibling makes it a child of the caller's parent, which has to wait for it.
	Sibling bool

	// The others are as in syscall.ForkExec and syscall.ProcAttr. The child leads a session.
	Path      string
	Argv, Env []string
	Files     []uintptr
}

// Start starts it, and gives its pid, and a pidfd. The caller waits for it.
func (f *UsernsFork) Start() (pid int, pidfd *os.File, err error) {
	c, err := f.prepare()
	if err != nil {
		return 0, nil, err
	}
	syscall.ForkLock.Lock()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		syscall.ForkLock.Unlock()
		return 0, nil, err
	}
	c.pipe = uintptr(pipe[1])
	first, errno := c.fork()
	syscall.ForkLock.Unlock()
	_ = unix.Close(pipe[1])
	defer unix.Close(pipe[0])
	if errno != 0 {
		return 0, nil, errno
	}
	pid, err = childReport(pipe[0], first)
	if pid != first || err != nil {
		reap(first) // it has made the child, or failed
	}
	if err == nil {
		var fd int
		if fd, err = unix.PidfdOpen(pid, 0); err == nil { // our child, which nobody has waited for yet
			return pid, os.NewFile(uintptr(fd), "pidfd"), nil
		}
	}
	if pid != 0 && pid != first {
		_ = unix.Kill(pid, unix.SIGKILL)
		reap(pid)
	}
	return 0, nil, err
}

func reap(pid int) {
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// The words that children write, each with a number.
const (
	childPID  = 1 // of the child that the first one has made
	childFail = 2 // a step, in the upper half, and its errno
)

// childReport reads them until execve closes the pipe.
func childReport(pipe, first int) (pid int, err error) {
	pid = first
	var word [8]byte
	for {
		n, readErr := unix.Read(pipe, word[:])
		switch {
		case errors.Is(readErr, unix.EINTR):
			continue
		case readErr != nil:
			return pid, readErr
		case n == 0:
			return pid, err
		}
		value := binary.NativeEndian.Uint32(word[4:])
		switch binary.NativeEndian.Uint32(word[:4]) {
		case childPID:
			pid = int(value)
		case childFail:
			err = fmt.Errorf("%s: %w", childSteps()[value>>16], unix.Errno(value&0xffff))
		}
	}
}

// The steps of a child, by which errors are named.
const (
	stepUserns = iota
	stepNetns
	stepClone
	stepIDs
	stepCaps
	stepFiles
	stepExec
)

func childSteps() []string {
	return []string{"join user namespace", "join network namespace", "clone", "become root of the user namespace", "keep capabilities", "pass files on", "exec"}
}

// childArgs is all that the child needs: it cannot allocate.
type childArgs struct {
	userns     uintptr
	netns      uintptr // ^0 for none
	uid, gid   uintptr
	clone      cloneArgs // of the child
	first      cloneArgs // of the one that makes it, where second is set
	second     bool      // it is made by another one, in the user namespace
	path       *byte
	argv, envv []*byte
	files      []int
	pipe       uintptr
	word       [2]uint32
	caps       [2]unix.CapUserData
	header     unix.CapUserHeader
}

// cloneArgs is struct clone_args of clone3(2), as of Linux 5.7.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

func (f *UsernsFork) prepare() (*childArgs, error) {
	c := &childArgs{userns: f.Userns.Fd(), netns: ^uintptr(0), uid: uintptr(f.UID), gid: uintptr(f.GID), second: f.Cloneflags != 0}
	c.clone.flags, c.clone.exitSignal = uint64(f.Cloneflags), uint64(unix.SIGCHLD)
	if f.Netns != nil {
		c.netns = f.Netns.Fd()
	}
	if f.Cgroup != nil {
		c.clone.flags |= unix.CLONE_INTO_CGROUP
		c.clone.cgroup = uint64(f.Cgroup.Fd())
	}
	c.first.exitSignal = uint64(unix.SIGCHLD)
	if c.second || f.Sibling {
		c.clone.flags |= unix.CLONE_PARENT
		c.clone.exitSignal = 0 // clone3(2): it is the caller's
	}
	if f.Sibling {
		c.first = cloneArgs{flags: unix.CLONE_PARENT}
	}
	c.header.Version = unix.LINUX_CAPABILITY_VERSION_3
	for _, fd := range f.Files {
		c.files = append(c.files, int(fd))
	}
	var err error
	if c.path, err = syscall.BytePtrFromString(f.Path); err != nil {
		return nil, err
	}
	if c.argv, err = syscall.SlicePtrFromStrings(f.Argv); err != nil {
		return nil, err
	}
	c.envv, err = syscall.SlicePtrFromStrings(f.Env)
	return c, err
}

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// fork makes the child. After clone(2), in a copy of one thread of this process, no function
// may be called that could grow the stack, allocate, or be scheduled away: raw system calls only,
// as in syscall.forkAndExecInChild1.
//
//go:noinline
//go:norace
//go:nocheckptr
func (c *childArgs) fork() (pid int, errno syscall.Errno) {
	args := c.clone
	if c.second {
		args = c.first
	}
	beforeFork()
	r, _, errno := syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if errno != 0 || r != 0 {
		afterFork()
		return int(r), errno
	}
	afterForkInChild()
	step := uintptr(stepUserns)
	_, _, errno = syscall.RawSyscall(unix.SYS_SETNS, c.userns, unix.CLONE_NEWUSER, 0)
	if errno == 0 && c.netns != ^uintptr(0) {
		step = stepNetns
		_, _, errno = syscall.RawSyscall(unix.SYS_SETNS, c.netns, unix.CLONE_NEWNET, 0)
	}
	if errno == 0 && c.second {
		step = stepClone
		r, _, errno = syscall.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&c.clone)), unsafe.Sizeof(c.clone), 0)
		if errno == 0 && r != 0 {
			c.word[0], c.word[1] = childPID, uint32(r)
			_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, c.pipe, uintptr(unsafe.Pointer(&c.word)), unsafe.Sizeof(c.word))
			for {
				_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
			}
		}
	}
	if errno == 0 {
		step, errno = c.become()
	}
	if errno == 0 {
		step, errno = c.execute()
	}
	c.word[0], c.word[1] = childFail, uint32(step)<<16|uint32(errno)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, c.pipe, uintptr(unsafe.Pointer(&c.word)), unsafe.Sizeof(c.word))
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 253, 0, 0)
	}
}

// become sets the ids, and keeps the capabilities over execve where the user is not root.
//
//go:nosplit
//go:norace
func (c *childArgs) become() (step uintptr, errno syscall.Errno) {
	if c.uid != 0 {
		if _, _, errno = syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0, 0); errno != 0 {
			return stepCaps, errno
		}
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETRESGID, c.gid, c.gid, c.gid); errno != 0 {
		return stepIDs, errno
	}
	if _, _, errno = syscall.RawSyscall(unix.SYS_SETRESUID, c.uid, c.uid, c.uid); errno != 0 || c.uid == 0 {
		return stepIDs, errno
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&c.header)), uintptr(unsafe.Pointer(&c.caps)), 0)
	if errno != 0 {
		return stepCaps, errno
	}
	for i := range c.caps {
		c.caps[i].Effective, c.caps[i].Inheritable = c.caps[i].Permitted, c.caps[i].Permitted
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&c.header)), uintptr(unsafe.Pointer(&c.caps)), 0)
	for i := uintptr(0); errno == 0 && i < 64; i++ {
		if c.caps[i/32&1].Permitted&(1<<(i%32)) != 0 {
			_, _, errno = syscall.RawSyscall6(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, i, 0, 0, 0)
		}
	}
	return stepCaps, errno
}

// execute puts the files in their places and becomes the program.
//
//go:nosplit
//go:norace
func (c *childArgs) execute() (step uintptr, errno syscall.Errno) {
	_, _, _ = syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0) // a child leads none yet
	// First out of the way: above all places.
	free := uintptr(len(c.files))
	for i := range c.files {
		if c.files[i] >= 0 && c.files[i] < i {
			fd, _, errno := syscall.RawSyscall(unix.SYS_FCNTL, uintptr(c.files[i]), unix.F_DUPFD_CLOEXEC, free)
			if errno != 0 {
				return stepFiles, errno
			}
			c.files[i] = int(fd)
		}
	}
	if c.pipe < free {
		fd, _, errno := syscall.RawSyscall(unix.SYS_FCNTL, c.pipe, unix.F_DUPFD_CLOEXEC, free)
		if errno != 0 {
			return stepFiles, errno
		}
		c.pipe = fd
	}
	for i := range c.files {
		switch fd := c.files[i]; {
		case fd < 0:
			_, _, _ = syscall.RawSyscall(unix.SYS_CLOSE, uintptr(i), 0, 0)
		case fd == i: // dup3(2) refuses, and would have cleared the flag
			_, _, errno = syscall.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETFD, 0)
		default:
			_, _, errno = syscall.RawSyscall(unix.SYS_DUP3, uintptr(fd), uintptr(i), 0)
		}
		if errno != 0 {
			return stepFiles, errno
		}
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(c.path)),
		uintptr(unsafe.Pointer(&c.argv[0])), uintptr(unsafe.Pointer(&c.envv[0])))
	return stepExec, errno
}
