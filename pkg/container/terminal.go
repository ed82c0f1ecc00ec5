package container

import (
	"io"
	"os"
	"os/signal"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// endOfInput is what a terminal's line discipline reads as the end of input (VEOF, Ctrl-D).
const endOfInput = 4

// terminal connects the user's terminal with the container's.
type terminal struct {
	master *os.File
	out    *os.File
	done   chan struct{} // closed when all output was copied
	undo   func()
}

// attachTerminal copies both ways until the container's terminal hangs up. in is nil
// without -i. The user's terminal is raw from here until close. master becomes the
// terminal's.
func attachTerminal(master, in, out *os.File) (*terminal, error) {
	t := &terminal{master: master, out: out, done: make(chan struct{}), undo: func() {}}
	if in != nil && term.IsTerminal(int(in.Fd())) {
		old, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return nil, err
		}
		t.undo = func() { _ = term.Restore(int(in.Fd()), old) }
	}
	t.resize()
	go t.followSize()
	go func() {
		defer close(t.done)
		_, _ = io.Copy(out, master) // EIO says that the last process closed it
	}()
	if in != nil {
		go func() {
			if _, err := io.Copy(master, in); err == nil {
				_, _ = master.Write([]byte{endOfInput})
			}
		}()
	}
	return t, nil
}

// close waits for the rest of the output and restores the user's terminal.
func (t *terminal) close() {
	<-t.done
	t.undo()
	_ = t.master.Close()
}

func (t *terminal) followSize() {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	for {
		select {
		case <-changed:
			t.resize()
		case <-t.done:
			signal.Stop(changed)
			return
		}
	}
}

// resize gives the container's terminal the size of the user's, if that is one.
func (t *terminal) resize() {
	size := terminalSize(t.out)
	if size == nil {
		return
	}
	_ = unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ,
		&unix.Winsize{Row: uint16(size.Height), Col: uint16(size.Width)})
}

// terminalSize is that of the terminal that out is; nil for anything else.
func terminalSize(out *os.File) *specs.Box {
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return nil
	}
	return &specs.Box{Height: uint(size.Row), Width: uint(size.Col)}
}

// catchSignals begins to catch the signals that users send by hand and from scripts.
// catchAllSignals adds all others that can be meant for the container: to catch 50 signals
// takes Go's runtime half a millisecond, which is better spent when nobody waits for it.
func catchSignals() chan os.Signal {
	caught := make(chan os.Signal, 64)
	signal.Notify(caught, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	return caught
}

func catchAllSignals(caught chan os.Signal) { signal.Notify(caught, forwarded()...) }

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
