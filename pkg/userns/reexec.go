package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Role is argv[0] of a program that Reexec started.
const Role = "rc-userns"

// waitFD is where a started program waits for its ids.
const waitFD = 3

// orphanGrace is how long a re-executed program may clean up after its parent has gone.
const orphanGrace = 10 * time.Second

// InReexec says whether this process was started by Reexec: main asks it first, and
// calls EnterReexec if so.
func InReexec() bool { return len(os.Args) > 0 && os.Args[0] == Role }

// What the byte on fd 3 says.
const (
	goAttached byte = 0 // end in good order when fd 3 ends: the parent has died
	goDetached byte = 1 // live on
)

// Reexec runs this program again in the namespaces of m, with the given arguments, our
// streams, environment and working directory; see Run.
func Reexec(ctx context.Context, m Map, args []string) (int, error) {
	return Run(ctx, m, Command{
		Path: "/proc/self/exe", Args: append([]string{Role}, args...),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
}

// Run runs a program whose main calls EnterReexec first and gives its exit code. Its fd 3
// is taken for that: c.Files begin at 4. SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed
// on; SIGINT and SIGQUIT where the terminal does not send them to both. The program is
// sent SIGTERM when this process dies. Ending ctx ends the wait for newuidmap only.
func Run(ctx context.Context, m Map, c Command) (int, error) {
	// The gate's other end stays open until the program has ended: its end of file tells
	// the program of our death.
	g, err := openGate()
	if err != nil {
		return 0, err
	}
	defer g.Close()
	// What Exec starts is killed with the thread that forked it: this one must live on.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := g.start(goAttached, func(child *os.File) (*Process, error) {
		c.Files = append([]*os.File{child}, c.Files...)
		return Start(ctx, c, m)
	})
	if err != nil {
		return 0, err
	}
	defer p.forwardSignals()()
	return p.Wait()
}

// Detach runs this program again like Reexec, in a session of its own, with /dev/null for
// its streams and / for its working directory, and leaves it to itself once it has its ids.
func Detach(ctx context.Context, m Map, args []string) error {
	g, err := openGate()
	if err != nil {
		return err
	}
	defer g.Close()
	p, err := g.start(goDetached, func(child *os.File) (*Process, error) {
		return Start(ctx, Command{
			Path: "/proc/self/exe", Args: append([]string{Role}, args...), Dir: "/",
			Files: []*os.File{child}, Setsid: true,
		}, m)
	})
	if err != nil {
		return err
	}
	if p.Pidfd != nil {
		p.Pidfd.Close()
	}
	return nil
}

// gate is what a program waits at for its ids: a pipe.
type gate struct{ child, parent *os.File }

func openGate() (*gate, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("pipe: %w", err)
	}
	return &gate{os.NewFile(uintptr(fds[0]), "gate"), os.NewFile(uintptr(fds[1]), "gate")}, nil
}

// start starts a program and lets it go on once it has its ids.
func (g *gate) start(word byte, start func(child *os.File) (*Process, error)) (*Process, error) {
	p, err := start(g.child)
	if err != nil {
		return nil, err
	}
	g.child.Close()
	err = p.Mapped()
	if err == nil {
		_, err = g.parent.Write([]byte{word})
	}
	if err != nil {
		g.Close() // its end of file ends the program
		_ = p.Signal(unix.SIGKILL)
		_, waitErr := p.Wait()
		return nil, errors.Join(err, waitErr)
	}
	return p, nil
}

func (g *gate) Close() {
	g.child.Close()
	g.parent.Close()
}

// forwardSignals passes our signals on to p until the returned function is called.
func (p *Process) forwardSignals() (stop func()) {
	signals := make(chan os.Signal, 8)
	linux.Catch(signals, unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	pid := p.PID
	go func() {
		for s := range signals {
			sig := s.(unix.Signal)
			// A terminal sends these two to its whole foreground group, which p is in.
			if (sig == unix.SIGINT || sig == unix.SIGQUIT) && foreground() {
				continue
			}
			// It can only have ended; the pid is ours until Wait, which comes before stop.
			_ = unix.Kill(pid, sig)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// foreground says whether our process group is the one in the terminal's foreground.
func foreground() bool {
	tty, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(tty)
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// EnterReexec makes a program that Run, Reexec or Detach started ready: it waits for the
// ids and sees to it that the death of an attached parent is noticed (SIGTERM to ourselves,
// exit after a grace period). Supplementary groups are kept: they give access to files of
// the user's groups.
func EnterReexec() error {
	word, err := await(waitFD)
	if err != nil {
		return err
	}
	if word == goDetached {
		return unix.Close(waitFD)
	}
	unix.CloseOnExec(waitFD)
	go func() {
		waitForEnd(waitFD)
		// main's signal handling ends what is going on in good order.
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
		time.Sleep(orphanGrace)
		_ = unix.Kill(os.Getpid(), unix.SIGKILL) // nobody is left who would read an exit code
	}()
	return nil
}

// waitForEnd reads until the end of file.
func waitForEnd(fd int) {
	var b [1]byte
	for {
		n, err := unix.Read(fd, b[:])
		if n == 0 && err == nil || err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// await is the first act of a program in a user namespace: the blocking read.
func await(fd int) (byte, error) {
	var b [1]byte
	for {
		n, err := unix.Read(fd, b[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("%s is a role that rc starts by itself: read fd %d: %w", Role, fd, err)
		case n == 0:
			return 0, fmt.Errorf("%s: the process that started it has gone", Role)
		}
		break
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 || gid != 0 {
		return 0, fmt.Errorf("%s: ids are %d:%d, not 0:0, in the user namespace", Role, uid, gid)
	}
	return b[0], nil
}

// Exec replaces an attached program, after EnterReexec, by another one that knows nothing
// of fd 3: it is killed when the parent dies. Its capabilities are those of uid 0, not
// ambient ones. It returns only with an error, which is that of execve(2).
func Exec(path string, args, env []string) error {
	runtime.LockOSThread() // pdeath_signal and capabilities are the thread's
	defer runtime.UnlockOSThread()
	if err := dropAmbient(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_PDEATHSIG: %w", err)
	}
	// The parent may have died before: then fd 3 is at its end.
	poll := []unix.PollFd{{Fd: waitFD}}
	if n, err := unix.Poll(poll, 0); err == nil && n > 0 && poll[0].Revents&unix.POLLHUP != 0 {
		return fmt.Errorf("%s: the process that started it has gone", Role)
	}
	return syscall.Exec(path, args, env)
}

// dropAmbient makes the thread's ambient and inheritable capabilities none.
func dropAmbient() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_CAP_AMBIENT: %w", err)
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&head, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}
