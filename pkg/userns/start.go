package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Command is a program to be started in new namespaces.
type Command struct {
	// Path is executed, with Args as its argv (Args[0] included; nil is Path alone).
	Path string
	Args []string
	// Env is the environment; nil is the caller's own.
	Env []string
	// Dir is the working directory; "" is the caller's.
	Dir string
	// Stdin, Stdout and Stderr are /dev/null where nil. Files become 3…; a nil in it leaves a
	// gap. They stay the caller's to close.
	Stdin, Stdout, Stderr *os.File
	Files                 []*os.File
	// Flags are CLONE_NEW* flags besides CLONE_NEWUSER and CLONE_NEWNS.
	Flags uintptr
	// Cgroup is the directory of a cgroup v2 that the child is born into; nil is the caller's.
	Cgroup *os.File
	// Netns, where it is set, is the network namespace that the child joins, one of the user
	// namespace that StartIn is given; Start and Join have no use for it.
	Netns *os.File
	// Sibling makes the child one of the caller's parent, which waits for it: Wait knows nothing of its end.
	// Start and StartIn only, without a Cgroup.
	Sibling bool
	// Setsid makes the child the leader of a session of its own, without a terminal.
	Setsid bool
}

// Process is a child in namespaces of its own. It has to be waited for once, unless it is a Sibling.
type Process struct {
	// PID is the child's in the caller's pid namespace.
	PID int
	// Pidfd refers to the child; Wait closes it. It is nil on kernels before 5.4.
	Pidfd *os.File

	mapped func() error // nil once it was called
	err    error        // what mapped said
}

// Start clones a child into a new user and mount namespace and executes the command in it
// with every capability; meanwhile, newuidmap and newgidmap give it the ids of m. The
// child must not look at ids before a first read on its fd 3 returned, which the caller
// lets happen after Mapped (see the package's documentation). Ending ctx ends the two
// programs, not the child.
func Start(ctx context.Context, c Command, m Map) (*Process, error) {
	var maps *mapping
	if !m.direct {
		var err error
		if maps, err = system().prepareMappers(m); err != nil {
			return nil, err
		}
	}
	flags := c.Flags | unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	if c.Sibling {
		flags |= unix.CLONE_PARENT
	}
	p, err := c.fork(&syscall.SysProcAttr{Cloneflags: flags, AmbientCaps: allCaps()})
	if err != nil {
		if maps != nil {
			maps.close()
		}
		return nil, Explain(fmt.Errorf("start %q in a user namespace: %w", c.Path, err))
	}
	if m.direct {
		p.err = writeMaps(p.PID, m)
		return p, nil
	}
	maps.start(p.PID)
	p.mapped = func() error { return maps.wait(ctx) }
	return p, nil
}

// StartHere starts a program as Start does, in the user namespace that this process is root of: its ids are
// there already. The program has the capabilities of uid 0.
func StartHere(c Command) (*Process, error) {
	p, err := c.fork(&syscall.SysProcAttr{Cloneflags: c.Flags | unix.CLONE_NEWNS})
	if err != nil {
		return nil, fmt.Errorf("start %q in a mount namespace: %w", c.Path, err)
	}
	return p, nil
}

// fork starts the command with the given attributes; it returns after execve.
func (c Command) fork(sys *syscall.SysProcAttr) (*Process, error) {
	null, err := c.null()
	if err != nil {
		return nil, err
	}
	if null != nil {
		defer null.Close()
	}
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	args := c.Args
	if args == nil {
		args = []string{c.Path}
	}
	pidfd := -1
	sys.PidFD = &pidfd
	sys.Setsid = c.Setsid
	if c.Cgroup != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(c.Cgroup.Fd())
	}
	pid, err := syscall.ForkExec(c.Path, args, &syscall.ProcAttr{Dir: c.Dir, Env: env, Files: c.descriptors(null), Sys: sys})
	runtime.KeepAlive(c.Files)
	if err != nil {
		return nil, err
	}
	p := &Process{PID: pid}
	if pidfd >= 0 {
		p.Pidfd = os.NewFile(uintptr(pidfd), "pidfd")
	}
	return p, nil
}

// descriptors are the child's, from 0 on.
func (c Command) descriptors(null *os.File) []uintptr {
	var fds []uintptr
	for _, f := range []*os.File{c.Stdin, c.Stdout, c.Stderr} {
		if f == nil {
			f = null
		}
		fds = append(fds, f.Fd())
	}
	for _, f := range c.Files {
		if f == nil {
			fds = append(fds, ^uintptr(0))
			continue
		}
		fds = append(fds, f.Fd())
	}
	return fds
}

func (c Command) null() (*os.File, error) {
	if c.Stdin != nil && c.Stdout != nil && c.Stderr != nil {
		return nil, nil
	}
	return os.OpenFile(os.DevNull, os.O_RDWR, 0)
}

// Mapped waits until the child has its ids. After an error the child has none, and
// should be ended; the error says what to do. It may be called more than once, by one
// goroutine.
func (p *Process) Mapped() error {
	if p.mapped != nil {
		p.err = p.mapped()
		p.mapped = nil
	}
	return p.err
}

// Signal sends a signal; a child that has ended gives os.ErrProcessDone.
func (p *Process) Signal(sig unix.Signal) error {
	var err error
	if p.Pidfd != nil {
		err = unix.PidfdSendSignal(int(p.Pidfd.Fd()), sig, nil, 0)
	} else {
		err = unix.Kill(p.PID, sig)
	}
	if errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Wait waits for the child's end and gives its exit code, 128+n if signal n ended it.
func (p *Process) Wait() (int, error) {
	status, err := wait(p.PID)
	_ = p.Mapped() // who has not asked does not want to know; newuidmap and newgidmap are reaped
	if err != nil {
		return 0, fmt.Errorf("wait for %d: %w", p.PID, err)
	}
	if p.Pidfd != nil {
		p.Pidfd.Close()
		p.Pidfd = nil
	}
	return exitCode(status), nil
}

func exitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return errs.CodeSignal + int(status.Signal())
	}
	return status.ExitStatus()
}

func wait(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err == nil || !errors.Is(err, unix.EINTR) {
			return status, err
		}
	}
}

// allCaps are the capabilities that the kernel knows. A new user namespace gives the
// child all of them, whatever the caller's bounding set is (user_namespaces(7)); as
// ambient ones they outlive execve while the uid is not mapped yet.
func allCaps() []uintptr {
	last := unix.CAP_LAST_CAP
	if data, err := os.ReadFile("/proc/sys/kernel/cap_last_cap"); err == nil {
		if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && n > 0 && n < 64 {
			last = n
		}
	}
	caps := make([]uintptr, last+1)
	for i := range caps {
		caps[i] = uintptr(i)
	}
	return caps
}
