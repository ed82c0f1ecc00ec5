package oci

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/wire"
)

// Entry is a thread of ours in the namespaces of a container that runs. It does all that can be done
// ahead for a process there, which is then forked and executes its command at once: a program in
// between (Fork, Init) would take a millisecond to start.
type Entry struct {
	order chan *os.File
	ended chan entered
}

type entered struct {
	p   *Process
	err error
}

// ErrNeedsInit says that an order has something in it that Entry cannot do: Fork can.
var ErrNeedsInit = errors.New("the process needs an init")

// Enter begins to enter the container that b says (Inside, Into), while its order is made. Start or
// Abandon follows. The files are the caller's, and needed until then.
func Enter(b Birth) *Entry {
	e := &Entry{order: make(chan *os.File), ended: make(chan entered, 1)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		err := namespaces{{b.Inside, int(b.Into &^ unix.CLONE_NEWCGROUP), true}}.enter()
		order, ok := <-e.order
		if !ok {
			return
		}
		var p *Process
		if err == nil {
			p, err = b.start(order)
		}
		e.ended <- entered{p, err}
	}()
	return e
}

// Start forks the process that the order describes, and returns when it executes its command.
// ErrNeedsInit says that nothing was done.
func (e *Entry) Start(order *os.File) (*Process, error) {
	e.order <- order
	end := <-e.ended
	return end.p, end.err
}

// Abandon ends an entry that was not started.
func (e *Entry) Abandon() { close(e.order) }

// start is Start in the thread that has entered.
func (b *Birth) start(order *os.File) (*Process, error) {
	data, err := linux.ReadMemfd(order)
	if err != nil {
		return nil, err
	}
	c := &child{}
	r := wire.NewReader(data)
	if c.fields(r); r.Err() != nil {
		return nil, fmt.Errorf("read order: %w", r.Err())
	}
	if c.terminal || c.dieWithParent || c.nested() || !c.limitsFiles() || c.traces() {
		return nil, ErrNeedsInit
	}
	if err := c.findPlace(); err != nil { // the working directory is this thread's alone
		return nil, err
	}
	script, places, closeFiles, err := b.script(c)
	if err != nil {
		return nil, err
	}
	defer closeFiles()
	p := &Process{ready: true, gone: true}
	if p.PID, p.Pidfd, err = script.Start(places); err != nil {
		return nil, err
	}
	return p, nil
}

// traces tells whether the process may look into others that have all capabilities, and so may what runs in
// the container already: then the program that is executed before the command has to be one that is mounted
// read-only. Until execve the child's /proc/PID/exe is the shim's own.
func (c *child) traces() bool { return c.bounding&(1<<unix.CAP_SYS_PTRACE) != 0 }

// limitsFiles tells whether RLIMIT_NOFILE is among the limits; else it is to be what the caller had
// before Go's runtime raised it, which is not known here.
func (c *child) limitsFiles() bool {
	for _, l := range c.rlimits {
		if l.resource == unix.RLIMIT_NOFILE {
			return true
		}
	}
	return false
}

// script is what the child does: Init's steps from the cgroup namespace to execve, in the same order.
func (b *Birth) script(c *child) (s *linux.Script, places int, closeFiles func(), err error) {
	s = &linux.Script{}
	s.Into(b.Cgroup, func(err error) error { return explainClone(err, b.Cgroup) })
	wrap := func(what string) func(error) error {
		return func(err error) error { return fmt.Errorf("%s: %w", what, err) }
	}
	s.Add(wrap("prctl PR_SET_DUMPABLE"), unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)
	s.Add(wrap("new session"), unix.SYS_SETSID)
	if c.setPersona {
		s.Add(wrap("personality"), unix.SYS_PERSONALITY, uintptr(c.persona))
	}
	if c.namespaces&unix.CLONE_NEWCGROUP != 0 {
		s.Add(wrap("join cgroup namespace"), unix.SYS_SETNS, b.Inside.Fd(), unix.CLONE_NEWCGROUP)
	}
	if err := c.scriptOOMScore(s); err != nil {
		return nil, 0, nil, err
	}
	places, closeFiles, err = b.scriptFiles(s, c)
	if err != nil {
		return nil, 0, nil, err
	}
	for _, l := range c.rlimits {
		limit := &unix.Rlimit{Cur: l.soft, Max: l.hard}
		s.Add(func(err error) error { return c.explainLimit(l, err) }, unix.SYS_PRLIMIT64, 0, uintptr(l.resource), linux.Keep(s, limit), 0)
	}
	err = c.scriptUser(s)
	if err == nil {
		umask := 0o022
		if c.umask >= 0 {
			umask = c.umask
		}
		s.Add(wrap("umask"), unix.SYS_UMASK, uintptr(umask))
		s.Add(wrap("close_range"), unix.SYS_CLOSE_RANGE, uintptr(places), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
		linux.ScriptSignals(s, wrap("reset signals"))
		if c.noNewPrivs {
			s.Add(wrap("prctl PR_SET_NO_NEW_PRIVS"), unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
		}
		if len(c.seccomp) > 0 {
			err = linux.ScriptSeccomp(s, wrap("load seccomp filter"), c.seccomp)
		}
	}
	if err == nil {
		err = c.scriptExec(s)
	}
	if err != nil {
		closeFiles()
	}
	return s, places, closeFiles, err
}

// scriptOOMScore is setOOMScore, for the child.
func (c *child) scriptOOMScore(s *linux.Script) error {
	if !c.setOOM {
		return nil
	}
	file, err := s.Text(oomScoreFile)
	if err != nil {
		return err
	}
	explain := func(err error) error { return explainOOMScore(c.oomScoreAdj, err) }
	text := []byte(fmt.Sprint(c.oomScoreAdj))
	at := unix.AT_FDCWD
	s.Add(explain, unix.SYS_OPENAT, uintptr(at), file, unix.O_WRONLY|unix.O_CLOEXEC)
	s.Add(explain, unix.SYS_WRITE, 0, linux.Keep(s, &text[0]), uintptr(len(text)))
	s.Last()
	return nil
}

// scriptFiles puts the standard streams and the further files into their places. Copies are made
// above all of them, so that none is in another's way.
func (b *Birth) scriptFiles(s *linux.Script, c *child) (places int, closeFiles func(), err error) {
	files := append([]*os.File{b.Stdin, b.Stdout, b.Stderr}, b.ExtraFiles...)
	var copies []int
	closeFiles = func() {
		for _, fd := range copies {
			_ = unix.Close(fd)
		}
	}
	null := -1
	for i, f := range files {
		var fd int
		switch {
		case f != nil:
			fd, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, len(files))
		case null >= 0:
			fd = null
		default:
			if null, err = unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
				copies = append(copies, null)
				fd, err = unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, len(files))
				null = fd
			}
		}
		if err != nil {
			closeFiles()
			return 0, nil, fmt.Errorf("pass files on: %w", err)
		}
		copies = append(copies, fd)
		s.Add(func(err error) error { return fmt.Errorf("pass files on: %w", err) }, unix.SYS_DUP3, uintptr(fd), uintptr(i), 0)
		if i < firstExtra && c.isOthersPipe(fd) {
			s.Add(func(err error) error { return fmt.Errorf("own stream %d: %w", i, err) }, unix.SYS_FCHOWN, uintptr(i), uintptr(c.who.uid), math.MaxUint32)
			s.May(unix.EPERM, unix.EINVAL) // a pipe of another user's stays unopenable
		}
	}
	return len(files), closeFiles, nil
}

// scriptExec executes the command: of the files that it may mean, the first that the user may
// execute.
func (c *child) scriptExec(s *linux.Script) error {
	argv, err := s.Texts(c.args)
	if err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	envv, err := s.Texts(c.env)
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	candidates, err := c.candidates()
	if err != nil {
		return err
	}
	for i, file := range candidates {
		name, err := s.Text(file)
		if err != nil {
			return err
		}
		s.Add(func(err error) error { return explainExec(c.args[0], file, err) }, unix.SYS_EXECVE, name, argv, envv)
		if i < len(candidates)-1 {
			s.May(unix.EACCES)
		}
	}
	return nil
}

// candidates are the files that findProgram would look at, without those that nobody could execute;
// the error is findProgram's where there is none.
func (c *child) candidates() ([]string, error) {
	program, err := findProgram(c.args[0], c.env) // as root
	if err != nil || c.who.uid == 0 || strings.ContainsRune(c.args[0], '/') {
		return []string{program}, err
	}
	var all []string
	for _, file := range search(c.args[0], c.env) {
		if executable(file) == nil {
			all = append(all, file)
		}
	}
	return all, nil
}
