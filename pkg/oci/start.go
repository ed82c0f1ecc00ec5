package oci

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// firstExtra is where Config.ExtraFiles begin in the container; after them, in the child,
// come the socket and the program.
const firstExtra = 3

// ReadOnlyExe opens this program such that nobody can write to it, for Config.Exe. The
// caller keeps it open as long as it starts containers, and closes it.
func ReadOnlyExe() (*os.File, error) {
	f, err := linux.ReadOnlyExe()
	if err != nil {
		return nil, fmt.Errorf("open own program read-only: %w", err)
	}
	return f, nil
}

// Birth is what has to be known of a process when it is forked. The files stay the
// caller's.
type Birth struct {
	// Flags are the CLONE_NEW* of its new namespaces: Flags of its order.
	Flags uintptr
	// Join are the namespaces that have a path.
	Join []specs.LinuxNamespace
	// UIDs and GIDs are the maps of a nested user namespace, where Flags, or Into, has one. Only
	// a process that knows them can be forked: the caller must have its own ids by then.
	UIDs, GIDs []specs.LinuxIDMapping
	// Userns, where it is set, is a user namespace that exists (or a pidfd of a process in it),
	// which the process joins in place of one of its own. Its other namespaces belong to that.
	Userns *os.File

	// Inside, where it is set, is a pidfd of the process whose namespaces the new one is born
	// into, and Into says which (CLONE_NEW*): all that the container has to itself.
	Inside *os.File
	Into   uintptr

	// The others are as in Config.
	Cgroup                *os.File
	Stdin, Stdout, Stderr *os.File
	ExtraFiles            []*os.File
	DieWithParent         bool
	Exe                   *os.File
}

// Fork makes a process that waits for Tell: its program starts while the caller prepares
// what it will be told.
func Fork(b Birth) (*Process, error) {
	if b.Exe == nil {
		exe, err := ReadOnlyExe()
		if err != nil {
			return nil, err
		}
		defer exe.Close()
		b.Exe = exe
	}
	sock, child, err := linux.SocketPair()
	if err != nil {
		return nil, err
	}
	defer child.Close()
	p := &Process{sock: sock, uids: b.UIDs, gids: b.GIDs}
	if err := p.clone(&b, child); err != nil {
		_ = sock.Close()
		return nil, err
	}
	return p, nil
}

// Tell gives the process its order, the memfd of an encoded one, and for each path in its
// Config.Trees a detached mount. The files stay the caller's.
func (p *Process) Tell(order *os.File, trees []*os.File) error {
	files := append([]*os.File{order}, trees...)
	if err := linux.Send(p.sock, []byte{msgOrder}, files...); err != nil {
		return fmt.Errorf("start container: %w", err)
	}
	return nil
}

// clone forks the child. Where namespaces are joined it does so from a thread that is
// thrown away, since it cannot go back; where the child shall die with its parent, from
// one that stays until Close, since the kernel counts a thread's end as the parent's.
func (p *Process) clone(b *Birth, sock *os.File) error {
	attr, closeFiles, err := b.attributes(sock)
	if err != nil {
		return err
	}
	defer closeFiles()
	joined, err := openNamespaces(b.Join)
	if err != nil {
		return err
	}
	defer joined.close()
	if b.Inside != nil {
		// Not the cgroup namespace: seen from it the cgroup that the process is to be born in may
		// not be there (ENOENT where cgroup2 is mounted with nsdelegate). The child joins it. Nor
		// the user namespace, which no thread of ours can join: see linux.UsernsFork.
		joined = append(joined, namespace{b.Inside, int(b.Into &^ (unix.CLONE_NEWCGROUP | unix.CLONE_NEWUSER)), true})
	}
	if len(joined) == 0 && !b.DieWithParent {
		return p.fork(b, attr)
	}
	done := make(chan error, 1)
	if b.DieWithParent {
		p.released = make(chan struct{})
	}
	released := p.released
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		err := joined.enter()
		if err == nil {
			err = p.fork(b, attr)
		}
		done <- err
		if err == nil && released != nil {
			<-released
		}
	}()
	return <-done
}

func (p *Process) fork(b *Birth, attr *syscall.ProcAttr) error {
	n := len(b.ExtraFiles)
	program := linux.FDPath(firstExtra + n + 1)
	argv := []string{"rc-shim", "init", strconv.Itoa(firstExtra + n)}
	userns := b.Userns
	if b.Into&unix.CLONE_NEWUSER != 0 {
		userns = b.Inside
	}
	if userns != nil {
		return p.forkInto(b, &linux.UsernsFork{
			Userns: userns, UID: setUpID(b.UIDs), GID: setUpID(b.GIDs), Cloneflags: b.Flags &^ unix.CLONE_NEWUSER, Cgroup: b.Cgroup,
			Path: program, Argv: argv, Env: attr.Env, Files: attr.Files,
		})
	}
	pidfd := -1
	attr.Sys.PidFD = &pidfd
	pid, err := syscall.ForkExec(program, argv, attr)
	if err != nil {
		return explainClone(err, b.Cgroup)
	}
	p.PID, p.Pidfd = pid, os.NewFile(uintptr(pidfd), "pidfd")
	return nil
}

// attributes say how the child is made and which descriptors it has.
func (b *Birth) attributes(sock *os.File) (*syscall.ProcAttr, func(), error) {
	var null *os.File
	closeFiles := func() {
		if null != nil {
			_ = null.Close()
		}
	}
	var fds []uintptr
	for _, f := range []*os.File{b.Stdin, b.Stdout, b.Stderr} {
		if f == nil {
			if null == nil {
				var err error
				if null, err = os.OpenFile("/dev/null", os.O_RDWR, 0); err != nil {
					return nil, nil, err
				}
			}
			f = null
		}
		fds = append(fds, f.Fd())
	}
	for _, f := range b.ExtraFiles {
		fds = append(fds, f.Fd())
	}
	fds = append(fds, sock.Fd(), b.Exe.Fd())
	sys := &syscall.SysProcAttr{Setsid: true, Cloneflags: b.Flags}
	attr := &syscall.ProcAttr{
		// No garbage is collected in a process that lives for a millisecond, and it works on one
		// thread: each further one costs 30 µs to start and to end.
		Env:   []string{"GOGC=off", "GOMAXPROCS=1"},
		Files: fds,
		Sys:   sys,
	}
	if b.Cgroup != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(b.Cgroup.Fd())
	}
	if sys.Cloneflags&unix.CLONE_NEWUSER != 0 {
		b.nest(sys)
	}
	return attr, closeFiles, nil
}

// namespaces are open files of namespaces to join.
type namespaces []namespace

type namespace struct {
	file *os.File
	flag int
	kept bool // the file is somebody else's
}

func openNamespaces(join []specs.LinuxNamespace) (namespaces, error) {
	var out namespaces
	for _, ns := range join {
		flag, err := namespaceFlag(ns.Type)
		if err == nil && flag == unix.CLONE_NEWUSER {
			// A Go thread cannot setns into one (EINVAL): it shares its fs with others.
			err = fmt.Errorf("join user namespace %q: %w", ns.Path, errs.ErrUnsupported)
		}
		var f *os.File
		if err == nil {
			f, err = os.Open(ns.Path)
		}
		if err != nil {
			out.close()
			return nil, err
		}
		out = append(out, namespace{file: f, flag: flag})
	}
	return out, nil
}

// enter joins them with the calling thread; the pid namespace takes effect for children.
func (n namespaces) enter() error {
	for _, ns := range n {
		if ns.flag&unix.CLONE_NEWNS != 0 {
			// setns(2): a thread that shares its root and working directory cannot move.
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return fmt.Errorf("join namespace %q: %w", ns.file.Name(), err)
			}
		}
		if err := unix.Setns(int(ns.file.Fd()), ns.flag); err != nil {
			return fmt.Errorf("join namespace %q: %w", ns.file.Name(), err)
		}
	}
	return nil
}

func (n namespaces) close() {
	for _, ns := range n {
		if !ns.kept {
			_ = ns.file.Close()
		}
	}
}

// explainClone says what the errors of clone(2) mean here.
func explainClone(err error, cgroup *os.File) error {
	err = fmt.Errorf("start container: clone: %w", err)
	switch {
	case errors.Is(err, unix.ENOSPC):
		return errs.WithCheck(err, "a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces", "userns")
	case errors.Is(err, unix.EAGAIN):
		return errs.WithCheck(err, "a limit on processes is reached: ulimit -u, or pids.max of a cgroup above", "rlimits")
	case errors.Is(err, unix.EACCES) && cgroup != nil:
		return errs.WithHint(err, "processes cannot be moved into "+cgroup.Name()+": a cgroup above both belongs to somebody else")
	case errors.Is(err, unix.EBUSY) && cgroup != nil:
		return errs.WithHint(err, cgroup.Name()+" hands controllers to its children, so no process can be in it")
	}
	return err
}
