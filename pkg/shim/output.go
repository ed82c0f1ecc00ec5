package shim

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/logs"
)

// The numbers of the standard streams.
const (
	stdin = iota
	stdout
	stderr
)

// output is where what a container prints goes: into its log, to rc where that stays in the
// foreground, and to whoever is attached. Its methods may be called from any goroutine.
type output struct {
	mu    sync.Mutex
	log   logs.Writer  // nil for none
	later *logs.Config // opens log with the first output: a file costs a start more than all else
	idle  *time.Timer  // flushes the log when nothing comes for a while
	front [3]*os.File  // rc's own streams, by number; nil for none
	sinks map[*sink]bool

	unwritten unwritten // what happened to front
}

// unwritten is why a stream of rc's was given up while somebody still waited for what is printed.
// Its methods may be called from any goroutine.
type unwritten struct {
	mu  sync.Mutex
	why string
}

// note takes the error of a write to f. That the reader has gone, or the terminal, is what may happen.
func (u *unwritten) note(stream int, f *os.File, err error) {
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, os.ErrClosed) {
		return
	}
	if info, statErr := f.Stat(); errors.Is(err, unix.EIO) && statErr == nil && info.Mode()&os.ModeCharDevice != 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.why == "" {
		if number, ok := errors.AsType[unix.Errno](err); ok {
			err = number
		}
		u.why = fmt.Sprintf("write standard %s: %v", [...]string{stdout: "output", stderr: "error"}[stream], err)
	}
}

func (u *unwritten) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.why
}

// write passes on what came from a stream. It takes as long as rc's own stream takes, since
// nothing may be lost there; everybody else is waited for shortly, if at all. An error says
// that rc's stream is closed for good, and that nobody shall write any more.
func (o *output) write(stream int, p []byte) error {
	o.mu.Lock()
	if o.later != nil {
		if log, err := logs.Open(*o.later); err == nil {
			o.log = log
		} else {
			complain(err) // what is printed goes to everybody else still
		}
		o.later = nil
	}
	if o.log != nil {
		o.log.Write(stream, p, time.Now())
		if o.idle == nil {
			o.idle = time.AfterFunc(idleTime, o.flush)
		} else {
			o.idle.Reset(idleTime)
		}
	}
	front := o.front[stream]
	var sinks []*sink
	for k := range o.sinks {
		sinks = append(sinks, k)
	}
	o.mu.Unlock()
	for _, k := range sinks {
		k.put(stream, p)
	}
	if front == nil {
		return nil
	}
	_, err := front.Write(p)
	if err == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.front[stream] != front {
		return nil // rc has detached meanwhile
	}
	o.front[stream] = nil
	o.unwritten.note(stream, front, err)
	return err
}

// idleTime is how long the beginning of a line may be the shim's alone.
const idleTime = 200 * time.Millisecond

// flush writes what the log has kept of unfinished lines.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil {
		o.log.Flush()
	}
}

// close ends the log: whoever follows it gets a moment to open what is to be deleted, and a loss
// that could not be told is the error.
func (o *output) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log == nil {
		return nil
	}
	if o.idle != nil {
		o.idle.Stop()
	}
	err := o.log.Close()
	o.log = nil
	return err
}

// detach lets rc's own streams go.
func (o *output) detach() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.front = [3]*os.File{}
}

func (o *output) add(k *sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sinks == nil {
		o.sinks = map[*sink]bool{}
	}
	o.sinks[k] = true
}

func (o *output) remove(k *sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sinks, k)
}

// streams are what a first process gets as 0, 1 and 2.
type streams struct {
	files [3]*os.File
	ours  []*os.File // to be closed once it has them
}

func (s *streams) close() {
	for _, f := range s.ours {
		_ = f.Close()
	}
}

// openStreams makes the pipes of a life; their other ends are s.pipes and s.stdin.
func (s *server) openStreams() (*streams, error) {
	out := &streams{}
	b := s.birth
	if b.Output == Terminal {
		return out, nil
	}
	out.files = b.Stdio
	if b.OpenStdin {
		r, w, err := b.pipe()
		if err != nil {
			return nil, err
		}
		out.files[stdin], out.ours = r, append(out.ours, r)
		s.closeStdin()
		s.stdin = w
	}
	if b.Output == Direct {
		return out, nil
	}
	for n := stdout; n <= stderr; n++ {
		r, w, err := b.pipe()
		if err != nil {
			out.close()
			return nil, err
		}
		out.files[n], out.ours = w, append(out.ours, w)
		s.pipes[n] = r
	}
	return out, nil
}

// pipe is one for a standard stream.
func (b *Birth) pipe() (r, w *os.File, err error) {
	r, w, err = pipe()
	if err == nil && b.nested() {
		// Its owner may have no number in the container, so that nobody there could open /dev/stdout,
		// or be made its owner. Who is not in the container does not come by it.
		err = w.Chmod(0o666)
	}
	return r, w, err
}

func pipe() (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("pipe: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe"), nil
}

func (s *server) closeStdin() {
	if s.stdin != nil {
		_ = s.stdin.Close()
		s.stdin = nil
	}
}

// copyStreams begins to copy what the life's process prints. copied is closed when all of
// it was passed on.
func (s *server) copyStreams() {
	var wait sync.WaitGroup
	for n, r := range s.pipes {
		if r == nil {
			continue
		}
		s.pipes[n] = nil
		wait.Go(func() { s.copyPipe(n, r) })
	}
	if s.console != nil {
		// A copy, so that the master is closed when the shim has closed its own and this one.
		if console, wake, err := watched(s.console); err == nil {
			s.hangUp = wake
			wait.Go(func() { s.copyConsole(console) })
		} else {
			complain(err)
		}
	}
	copied := make(chan struct{})
	s.copied = copied
	go func() {
		wait.Wait()
		close(copied)
	}()
}

// copyPipe reads in Go's poller: an idle container costs no thread.
func (s *server) copyPipe(stream int, r *os.File) {
	if err := unix.SetNonblock(int(r.Fd()), true); err == nil {
		if fd, err := unix.FcntlInt(r.Fd(), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			_ = r.Close()
			r = os.NewFile(uintptr(fd), "pipe")
		}
	}
	s.copyFrom(stream, r)
	// What still writes learns that nobody reads (SIGPIPE), as in a pipeline of a shell.
	_ = r.Close()
}

// Sizes of a buffer: most containers print little, and some as fast as they can.
const (
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
	largePipe   = 1 << 20 // /proc/sys/fs/pipe-max-size, where nobody changed it
)

func (s *server) copyFrom(stream int, r *os.File) {
	var buf []byte // a stream that is never used takes no memory
	for {
		if buf == nil {
			if err := awaitReadable(r); err != nil {
				return
			}
			buf = make([]byte, smallBuffer)
		}
		n, err := r.Read(buf)
		if n > 0 && s.output.write(stream, buf[:n]) != nil {
			return
		}
		if err != nil {
			return // the last writer has closed it; EIO from a terminal
		}
		if n == len(buf) && n < largeBuffer {
			buf = make([]byte, largeBuffer)
			_, _ = unix.FcntlInt(r.Fd(), unix.F_SETPIPE_SZ, largePipe)
		}
	}
}

// awaitReadable waits for the first byte, or the end; at once for what cannot be polled.
func awaitReadable(r *os.File) error {
	flags, err := unix.FcntlInt(r.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		return err
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
}

// leftBehind is how long the shim waits for the end of a pipe whose writers should all be
// dead: one may be in a process outside, which has got the descriptor by a socket.
const leftBehind = 500 * time.Millisecond

// finishOutput waits until everything that the life's process printed was passed on. rc may
// take its time to read it, but nobody waits for an rc that is gone.
func (s *server) finishOutput() {
	if s.copied == nil {
		return
	}
	waiting := time.NewTimer(leftBehind)
	defer waiting.Stop()
	late := waiting.C
	if s.ownerHere {
		late = nil
	}
	for {
		select {
		case <-s.copied:
			s.output.flush()
			return
		case <-late:
			s.output.flush()
			return
		case call := <-s.calls:
			call()
			if !s.ownerHere && late == nil {
				late = waiting.C
			}
		}
	}
}
