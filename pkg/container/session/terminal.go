package session

import (
	"os"
	"os/signal"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// endOfInput is what a terminal's line discipline reads as the end of input (VEOF, Ctrl-D).
const endOfInput = 4

// followSize gives the container's terminal every new size of the user's.
func (s *Session) followSize() (stop func()) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-changed:
				s.resize()
			case <-done:
				signal.Stop(changed)
				return
			}
		}
	}()
	return func() { close(done) }
}

// resize gives the container's terminal the size of the user's, if that is one. A terminal
// that has the size already gets another one for a moment: a program in it that draws its
// screen anew shows itself to who has just attached.
func (s *Session) resize() {
	size := TerminalSize(s.Streams.Out)
	s.mu.Lock()
	defer s.mu.Unlock()
	if size == nil || s.to == nil || !s.master {
		return
	}
	want := unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)}
	fd := int(s.to.Fd())
	if now, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && !s.Owner && !s.copyOutput && now.Row == want.Row && now.Col == want.Col {
		other := want
		other.Row++
		_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &other)
	}
	_ = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &want)
}

// TerminalSize is that of the terminal that out is; nil for anything else.
func TerminalSize(out *os.File) *specs.Box {
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}
}

// CatchSignals begins to catch the signals that users send by hand and from scripts.
// CatchAllSignals adds all others that can be meant for the container: to catch 50 signals
// takes Go's runtime half a millisecond, which is better spent when nobody waits for it.
func CatchSignals() chan os.Signal {
	caught := make(chan os.Signal, 64)
	linux.Catch(caught, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	return caught
}

func CatchAllSignals(caught chan os.Signal) { linux.Catch(caught, forwarded()...) }

// forwardSignals hands on what was caught until the process, or stop, ends it.
func forwardSignals(caught chan os.Signal, send func(unix.Signal)) (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-caught:
				if n, ok := sig.(unix.Signal); ok {
					send(n)
				}
			case <-done:
				signal.Stop(caught)
				return
			}
		}
	}()
	return func() { close(done) }
}

// forwarded are the signals that --sig-proxy hands on: all but those that cannot be
// caught, that tell rc about itself (children, its terminal, Go's own SIGURG), or that
// stop and continue it.
func forwarded() []os.Signal {
	not := map[unix.Signal]bool{
		unix.SIGKILL: true, unix.SIGSTOP: true, unix.SIGCHLD: true, unix.SIGPIPE: true, unix.SIGURG: true,
		unix.SIGWINCH: true, unix.SIGTSTP: true, unix.SIGTTIN: true, unix.SIGTTOU: true, unix.SIGCONT: true,
		unix.SIGSEGV: true, unix.SIGBUS: true, unix.SIGFPE: true, unix.SIGILL: true, 32: true, 33: true,
	}
	var all []os.Signal
	for n := unix.Signal(1); n <= 64; n++ {
		if !not[n] {
			all = append(all, n)
		}
	}
	return all
}
