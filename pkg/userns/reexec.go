package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
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

// Reexec runs this program again in the namespaces of m, with the given arguments, our
// streams, environment and working directory, and gives its exit code. SIGTERM, SIGHUP,
// SIGUSR1 and SIGUSR2 are passed on; SIGINT and SIGQUIT only where the terminal does not
// send them to both. The program gets SIGTERM when this process dies.
func Reexec(ctx context.Context, m Map, args []string) (int, error) {
	start := func(gate *os.File) (*Process, error) {
		return Start(ctx, Command{
			Path: "/proc/self/exe", Args: append([]string{Role}, args...),
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Files: []*os.File{gate},
		}, m)
	}
	// The gate's other end stays open until the program has ended: its end of file tells
	// the program of our death.
	gate, err := openGate()
	if err != nil {
		return 0, err
	}
	defer gate.Close()
	// The program is killed with the thread that forked it, see EnterReexec.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := gate.start(start)
	if err != nil {
		return 0, err
	}
	defer p.forwardSignals()()
	return p.Wait()
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
func (g *gate) start(start func(child *os.File) (*Process, error)) (*Process, error) {
	p, err := start(g.child)
	if err != nil {
		return nil, err
	}
	g.child.Close()
	err = p.Mapped()
	if err == nil {
		_, err = g.parent.Write([]byte{0})
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
	signal.Notify(signals, unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
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

// EnterReexec makes a program that Reexec started ready: it waits for the ids, and sees to
// it that the death of the parent is noticed (SIGTERM to ourselves, exit after a grace
// period). Supplementary groups are kept: they give access to files of the user's groups.
func EnterReexec() error {
	if err := await(waitFD); err != nil {
		return err
	}
	unix.CloseOnExec(waitFD)
	go func() {
		var b [1]byte
		for {
			n, err := unix.Read(waitFD, b[:])
			if n > 0 || errors.Is(err, unix.EINTR) {
				continue
			}
			break
		}
		// main's signal handling ends what is going on in good order.
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
		time.Sleep(orphanGrace)
		os.Exit(errs.CodeSignal + int(unix.SIGTERM))
	}()
	return nil
}

// await is the first act of a program in a user namespace: the blocking read.
func await(fd int) error {
	var b [1]byte
	for {
		n, err := unix.Read(fd, b[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("%s is a role that rc starts by itself: read fd %d: %w", Role, fd, err)
		case n == 0:
			return fmt.Errorf("%s: the process that started it has gone", Role)
		}
		break
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 || gid != 0 {
		return fmt.Errorf("%s: ids are %d:%d, not 0:0, in the user namespace", Role, uid, gid)
	}
	return nil
}
