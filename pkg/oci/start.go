package oci

import (
	"context"
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

// Start makes the process and tells it what to set up. It does not wait for that: the
// process's namespaces exist and can be configured, while Ready waits for the rest and Run
// lets it go. The caller ends with Wait, or Kill and Wait, and then Close.
func Start(ctx context.Context, cfg Config) (*Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	order, err := newOrder(&cfg)
	if err != nil {
		return nil, err
	}
	exe := cfg.Exe
	if exe == nil {
		if exe, err = ReadOnlyExe(); err != nil {
			return nil, err
		}
		defer exe.Close()
	}
	sock, child, err := linux.SocketPair()
	if err != nil {
		return nil, err
	}
	defer child.Close()
	p := &Process{sock: sock}
	if err := p.clone(&cfg, child, exe); err != nil {
		_ = sock.Close()
		return nil, err
	}
	if err := p.send(order); err != nil {
		_ = p.Kill()
		_, _ = p.Wait()
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// send gives the child its order: in a memfd, since the environment may be larger than a
// message.
func (p *Process) send(o *order) error {
	c := coder{data: make([]byte, 0, 16<<10)}
	o.fields(&c)
	memfd, err := linux.SealedMemfd("order", c.data)
	if err != nil {
		return err
	}
	defer memfd.Close()
	return linux.Send(p.sock, []byte{msgOrder}, memfd)
}

// clone forks the child. Where namespaces are joined it does so from a thread that is
// thrown away, since it cannot go back; where the child shall die with its parent, from
// one that stays until Close, since the kernel counts a thread's end as the parent's.
func (p *Process) clone(cfg *Config, sock, exe *os.File) error {
	attr, closeFiles, err := cloneAttr(cfg, sock, exe)
	if err != nil {
		return err
	}
	defer closeFiles()
	joined, err := openNamespaces(cfg.Spec.Linux)
	if err != nil {
		return err
	}
	defer joined.close()
	if len(joined) == 0 && !cfg.DieWithParent {
		return p.fork(cfg, attr)
	}
	done := make(chan error, 1)
	if cfg.DieWithParent {
		p.released = make(chan struct{})
	}
	released := p.released
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		err := joined.enter()
		if err == nil {
			err = p.fork(cfg, attr)
		}
		done <- err
		if err == nil && released != nil {
			<-released
		}
	}()
	return <-done
}

func (p *Process) fork(cfg *Config, attr *syscall.ProcAttr) error {
	pidfd := -1
	attr.Sys.PidFD = &pidfd
	n := len(cfg.ExtraFiles)
	program := linux.FDPath(firstExtra + n + 1)
	argv := []string{"rc-shim", "init", strconv.Itoa(firstExtra + n)}
	pid, err := syscall.ForkExec(program, argv, attr)
	if err != nil {
		return explainClone(err, cfg)
	}
	p.PID, p.Pidfd = pid, os.NewFile(uintptr(pidfd), "pidfd")
	return nil
}

// cloneAttr says how the child is made and which descriptors it has.
func cloneAttr(cfg *Config, sock, exe *os.File) (*syscall.ProcAttr, func(), error) {
	var null *os.File
	closeFiles := func() {
		if null != nil {
			_ = null.Close()
		}
	}
	stdio := []*os.File{cfg.Stdin, cfg.Stdout, cfg.Stderr}
	var fds []uintptr
	for _, f := range stdio {
		if f == nil || cfg.Spec.Process.Terminal {
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
	for _, f := range cfg.ExtraFiles {
		fds = append(fds, f.Fd())
	}
	fds = append(fds, sock.Fd(), exe.Fd())
	sys := &syscall.SysProcAttr{Setsid: true}
	attr := &syscall.ProcAttr{
		// No garbage is collected in a process that lives for a millisecond, and it works on one
		// thread: each further one costs 30 µs to start and to end.
		Env:   []string{"GOGC=off", "GOMAXPROCS=1"},
		Files: fds,
		Sys:   sys,
	}
	if cfg.Cgroup != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(cfg.Cgroup.Fd())
	}
	if l := cfg.Spec.Linux; l != nil {
		for _, ns := range l.Namespaces {
			flag, err := namespaceFlag(ns.Type)
			if err != nil {
				return nil, closeFiles, err
			}
			// The child unshares its cgroup namespace itself: only where it was born in its
			// cgroup is that the namespace's root.
			if ns.Path == "" && flag != unix.CLONE_NEWCGROUP {
				sys.Cloneflags |= uintptr(flag)
			}
		}
		if sys.Cloneflags&unix.CLONE_NEWUSER != 0 {
			sys.UidMappings, sys.GidMappings = idMaps(l.UIDMappings), idMaps(l.GIDMappings)
			sys.GidMappingsEnableSetgroups = true
			sys.Credential = &syscall.Credential{NoSetGroups: true}
		}
	}
	return attr, closeFiles, nil
}

func idMaps(maps []specs.LinuxIDMapping) []syscall.SysProcIDMap {
	out := make([]syscall.SysProcIDMap, len(maps))
	for i, m := range maps {
		out[i] = syscall.SysProcIDMap{ContainerID: int(m.ContainerID), HostID: int(m.HostID), Size: int(m.Size)}
	}
	return out
}

// namespaces are open files of namespaces to join.
type namespaces []namespace

type namespace struct {
	file *os.File
	flag int
}

// openNamespaces opens those that have a path.
func openNamespaces(l *specs.Linux) (namespaces, error) {
	if l == nil {
		return nil, nil
	}
	var out namespaces
	for _, ns := range l.Namespaces {
		if ns.Path == "" {
			continue
		}
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
		out = append(out, namespace{f, flag})
	}
	return out, nil
}

// enter joins them with the calling thread; the pid namespace takes effect for children.
func (n namespaces) enter() error {
	for _, ns := range n {
		if ns.flag == unix.CLONE_NEWNS {
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
		_ = ns.file.Close()
	}
}

// explainClone says what the errors of clone(2) mean here.
func explainClone(err error, cfg *Config) error {
	err = fmt.Errorf("start container: clone: %w", err)
	switch {
	case errors.Is(err, unix.ENOSPC):
		return errs.WithHint(err, "a limit on namespaces is reached: see /proc/sys/user/max_*_namespaces")
	case errors.Is(err, unix.EAGAIN):
		return errs.WithHint(err, "a limit on processes is reached: ulimit -u, or pids.max of a cgroup above")
	case errors.Is(err, unix.EACCES) && cfg.Cgroup != nil:
		return errs.WithHint(err, "processes cannot be moved into "+cfg.Cgroup.Name()+": a cgroup above both belongs to somebody else")
	case errors.Is(err, unix.EBUSY) && cfg.Cgroup != nil:
		return errs.WithHint(err, cfg.Cgroup.Name()+" hands controllers to its children, so no process can be in it")
	}
	return err
}
