package shim

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/wire"
)

// execRequest is what msgExec says. The files are those of the streams that it names, then
// Extra of them that the process gets as 3 and on. The order follows in a message of its own
// (msgOrder): the process's program starts while rc makes it.
type execRequest struct {
	ID     string // of the exec session: 64 hex digits
	Stdio  [3]bool
	Extra  int
	Detach bool // the process lives on when the caller goes
	// Terminal says that the order will ask for one, which takes an init.
	Terminal bool
}

func (r *execRequest) fields(c *wire.Coder) {
	c.Text(&r.ID)
	for i := range r.Stdio {
		c.Flag(&r.Stdio[i])
	}
	wire.Number(c, &r.Extra)
	c.Flag(&r.Detach)
	c.Flag(&r.Terminal)
}

func errNotRunning() error { return fmt.Errorf("container: %w: it is not running", errs.ErrState) }

// exec starts a process in the container, and answers when it runs and, with its exit code,
// when it has ended. The end of the caller hangs the process up (SIGHUP), as that of a terminal would.
func (s *server) exec(conn *linux.Conn, data []byte, files []*os.File) error {
	var req execRequest
	if err := decode(data, req.fields); err != nil {
		return err
	}
	b, err := req.birth(files)
	if err != nil {
		return err
	}
	p, err := s.enter(b, req.Terminal, func() (*os.File, error) { return receiveOrder(conn) })
	if err != nil {
		return err
	}
	closeAll(files) // the process has them: its readers wait for their end
	var master []*os.File
	if p.Console != nil && req.Detach {
		// The terminal stays as long as the process, and somebody has to read from it.
		go func() {
			_, _ = io.Copy(io.Discard, p.Console)
			_ = p.Console.Close()
		}()
	} else if p.Console != nil {
		master = append(master, p.Console)
	}
	answer := started{Terminal: len(master) > 0}
	_ = conn.Send(encode(msgStarted, answer.fields), master...) // the caller may be gone
	closeAll(master)
	s.emit("exec", map[string]string{"execID": req.ID})
	if !req.Detach {
		go s.serveExec(conn, p)
	}
	code, err := s.leave(p)
	if err != nil {
		return err
	}
	if !req.Detach {
		_ = conn.Send(exited{Code: code}.encode())
	}
	s.emitExit("exec_died", code, map[string]string{"execID": req.ID})
	return nil
}

// receiveOrder waits for the second message of a caller of exec.
func receiveOrder(conn *linux.Conn) (*os.File, error) {
	data, files, err := conn.Receive(signalLimit)
	if err != nil {
		return nil, err // the caller has found something wrong, or is gone
	}
	if data[0] != msgOrder || len(files) != 1 {
		closeAll(files)
		return nil, fmt.Errorf("exec: message %q with %d descriptors instead of the order", data[0], len(files))
	}
	return files[0], nil
}

// birth takes the descriptors apart.
func (r *execRequest) birth(files []*os.File) (oci.Birth, error) {
	want := r.Extra
	for _, given := range r.Stdio {
		if given {
			want++
		}
	}
	if len(files) != want || r.Extra < 0 {
		return oci.Birth{}, fmt.Errorf("exec: %d descriptors came, %d are due", len(files), want)
	}
	rest := files
	var stdio [3]*os.File
	for n, given := range r.Stdio {
		if given {
			stdio[n], rest = rest[0], rest[1:]
		}
	}
	return oci.Birth{Stdin: stdio[stdin], Stdout: stdio[stdout], Stderr: stdio[stderr], ExtraFiles: rest}, nil
}

// serveExec takes what the caller says while its process runs, until it goes.
func (s *server) serveExec(conn *linux.Conn, p *oci.Process) {
	for {
		data, files, err := conn.Receive(signalLimit)
		if err != nil {
			_ = p.Signal(unix.SIGHUP)
			return
		}
		closeAll(files)
		n := 0
		switch {
		case data[0] == msgDetach:
			return
		case data[0] == msgSignal && decode(data[1:], number(&n)) == nil:
			_ = p.Signal(unix.Signal(n))
		}
	}
}

// enter makes a process in the container's namespaces and cgroup, and returns when it executes
// its command; byInit says that it needs an init. What comes before the order is done while that is made. The caller waits for
// the process by leave.
func (s *server) enter(b oci.Birth, byInit bool, order func() (*os.File, error)) (*oci.Process, error) {
	var inside *os.File
	running := s.do(func() {
		if s.state.PID != 0 && s.state.Phase == "" {
			inside = duplicate(s.proc.Pidfd)
		}
	})
	if !running || inside == nil {
		return nil, errNotRunning()
	}
	defer inside.Close()
	b.Inside, b.Into, b.Cgroup, b.Exe, b.DieWithParent = inside, s.birth.Flags, s.cgroup, s.exe, !ownPIDs()
	b.UIDs, b.GIDs = s.plan.UIDs, s.plan.GIDs
	enterBy := s.enterByThread
	if byInit || b.DieWithParent || b.Into&unix.CLONE_NEWUSER != 0 {
		enterBy = s.enterByInit
	}
	p, err := enterBy(b, order)
	if err != nil {
		if gone, waitErr := linux.PidfdWait(inside, 0); gone && waitErr == nil {
			err = errNotRunning()
		}
		return nil, err
	}
	return p, nil
}

// enterByThread enters by a thread, which forks the command itself; where the order is one for an
// init after all, by that.
func (s *server) enterByThread(b oci.Birth, order func() (*os.File, error)) (*oci.Process, error) {
	entry := oci.Enter(b)
	file, err := order()
	if err != nil {
		entry.Abandon()
		return nil, err
	}
	p, err := s.known(func() (*oci.Process, error) { return entry.Start(file) })
	if !errors.Is(err, oci.ErrNeedsInit) {
		_ = file.Close()
		return p, err
	}
	return s.enterByInit(b, func() (*os.File, error) { return file, nil })
}

// known makes a process that nobody takes for an orphan.
func (s *server) known(fork func() (*oci.Process, error)) (*oci.Process, error) {
	s.forking.Lock()
	defer s.forking.Unlock()
	p, err := fork()
	if err == nil {
		s.entered[p.PID] = true
	}
	return p, err
}

// enterByInit forks a process whose program starts while the order is made.
func (s *server) enterByInit(b oci.Birth, order func() (*os.File, error)) (*oci.Process, error) {
	p, err := s.known(func() (*oci.Process, error) { return oci.Fork(b) })
	if err != nil {
		return nil, err
	}
	file, err := order()
	if err == nil {
		err = p.Tell(file, []*os.File{b.Inside}) // for the cgroup namespace
		_ = file.Close()
	}
	if err == nil {
		err = p.Run()
	}
	if err != nil {
		s.abandonEntered(p)
		return nil, err
	}
	return p, nil
}

func (s *server) abandonEntered(p *oci.Process) {
	_ = p.Kill()
	_, _ = s.leave(p)
}

// leave waits for the end of a process that enter has started, and closes it.
func (s *server) leave(p *oci.Process) (code int, err error) {
	complain(linux.PidfdAwait(p.Pidfd))
	s.forking.Lock()
	defer s.forking.Unlock()
	delete(s.entered, p.PID)
	code, err = p.Wait()
	if errors.Is(err, unix.ECHILD) { // killed and reaped with all that the container left
		code, err = errs.CodeSignal+int(unix.SIGKILL), nil
	}
	return code, errors.Join(err, p.Close())
}
