package shim

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/wire"
)

// attachRequest is what msgAttach says; the files are those of the streams that it names, in
// their order.
type attachRequest struct{ Stdin, Stdout, Stderr bool }

func (r *attachRequest) fields(c *wire.Coder) {
	c.Flag(&r.Stdin)
	c.Flag(&r.Stdout)
	c.Flag(&r.Stderr)
}

// attach writes what the container prints to the caller's files until the container, or the
// caller, ends. The answer carries what the caller writes to, where it asked for that: the
// terminal's master, or the end of a pipe that is the container's standard input.
func (s *server) attach(conn *linux.Conn, data []byte, files []*os.File) error {
	var req attachRequest
	if err := decode(data, req.fields); err != nil {
		closeAll(files)
		return err
	}
	var out [3]*os.File
	for n, wanted := range []bool{stdout: req.Stdout, stderr: req.Stderr} {
		if wanted && len(files) > 0 {
			out[n], files = files[0], files[1:]
		}
	}
	closeAll(files)
	k := newSink(out[stdout], out[stderr])
	defer k.close()
	var input *os.File
	var tty bool
	pid := 0
	running := s.do(func() {
		s.output.add(k)
		pid = s.state.PID
		tty = s.console != nil
		if tty {
			input = s.console
		} else if req.Stdin {
			input = s.stdin
		}
		if input != nil { // the main goroutine may close its own
			input = duplicate(input)
		}
	})
	if !running {
		return errNotRunning()
	}
	defer s.output.remove(k)
	w, ok := s.addWatcher()
	if !ok {
		return errNotRunning()
	}
	var attached []*os.File
	if input != nil {
		attached = append(attached, input)
	}
	answer := started{PID: pid, Terminal: tty}
	err := conn.Send(encode(msgStarted, answer.fields), attached...)
	closeAll(attached)
	if err != nil {
		s.dropWatcher(w)
		return nil // the caller is gone
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.serveAttached(conn)
	}()
	select {
	case code := <-w:
		s.output.remove(k)
		k.finish()
		_ = conn.Send(exited{Code: code, Unwritten: k.unwritten.String()}.encode())
	case <-gone:
		s.dropWatcher(w)
	}
	return nil
}

// serveAttached takes what a caller says while it is attached, until it goes.
func (s *server) serveAttached(conn *linux.Conn) {
	for {
		data, files, err := conn.Receive(signalLimit)
		if err != nil {
			return
		}
		closeAll(files)
		switch data[0] {
		case msgSignal:
			n := 0
			if decode(data[1:], number(&n)) == nil {
				s.do(func() { s.signal(unix.Signal(n)) })
			}
		case msgEOF:
			s.do(s.closeStdin)
		}
	}
}

func duplicate(f *os.File) *os.File {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), f.Name())
}
