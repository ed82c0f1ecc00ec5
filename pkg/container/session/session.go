package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/rc-containers/rc/pkg/shim"
)

// Session is rc while it is connected with a container's command, or with a process that rc
// exec has started: it hands on what is typed, and signals, until the end or the detach
// keys. Output does not come by way of rc: the shim, or the process, has rc's own streams.
// Only the terminal of an exec is read here (copyOutput).
type Session struct {
	Client     *shim.Client
	Streams    Streams
	Input      bool   // rc's standard input is handed on
	Keys       []byte // that end the session, typed on a terminal
	Owner      bool   // the container is stopped if rc goes without a word
	copyOutput bool
	Signals    chan os.Signal // what was caught for the process; nil for none

	mu     sync.Mutex
	to     *os.File // what is written to: a terminal's master, or a pipe
	master bool

	copied   chan struct{} // closed when the terminal's output was copied
	detached chan struct{} // closed by the detach keys
}

// ErrTerminal is a failure to set up the user's terminal.
var ErrTerminal = errors.New("set up terminal")

// Run stays until the process that event is the start of has ended (an event with Exited),
// or the session was detached from (Detached).
func (s *Session) Run(ctx context.Context, event shim.Event) (shim.Event, error) {
	s.detached = make(chan struct{})
	restore, err := s.RawTerminal(event.Terminal)
	if err != nil {
		return shim.Event{}, fmt.Errorf("%w: %w", ErrTerminal, err)
	}
	defer restore()
	s.connect(event)
	if event.Terminal {
		defer s.followSize()()
	}
	if s.Signals != nil {
		defer forwardSignals(s.Signals, s.signal)()
	}
	if s.Input {
		go s.copyInput(event.Terminal)
	}
	end, err := s.wait()
	if s.copied != nil && !end.Detached {
		<-s.copied
	}
	if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	return end, err
}

// connect takes what a command that has just started, for the first time or again, is
// written to by.
func (s *Session) connect(event shim.Event) {
	s.mu.Lock()
	old := s.to
	s.to, s.master = event.Input, event.Terminal
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
	if !event.Terminal || event.Input == nil {
		return
	}
	s.resize()
	if s.copyOutput {
		s.copied = make(chan struct{})
		go func() {
			defer close(s.copied)
			_, _ = io.Copy(s.Streams.Out, event.Input) // EIO says that the last process closed it
		}()
	}
}

// wait is for the end, or the detach keys.
func (s *Session) wait() (shim.Event, error) {
	if !s.Input {
		return s.lastEvent() // nobody can type the keys
	}
	type result struct {
		event shim.Event
		err   error
	}
	results := make(chan result, 1)
	go func() {
		event, err := s.lastEvent()
		results <- result{event, err}
	}()
	select {
	case r := <-results:
		return r.event, r.err
	case <-s.detached:
	}
	if err := s.Client.Detach(); err != nil {
		return shim.Event{}, err
	}
	if s.Owner { // the shim writes to our streams until it has let go
		<-results
	}
	return shim.Event{Detached: true}, nil
}

// lastEvent waits for the one after which no other comes.
func (s *Session) lastEvent() (shim.Event, error) {
	for {
		event, err := s.Client.Next()
		if err != nil || event.Exited || event.Detached {
			return event, err
		}
		s.connect(event) // the restart policy has started it anew
	}
}

// signal hands one on. The hang-up of the terminal ends rc: nobody is there any more.
func (s *Session) signal(sig unix.Signal) {
	s.mu.Lock()
	master := s.master
	s.mu.Unlock()
	if sig == unix.SIGHUP && master {
		s.Client.Shutdown()
		return
	}
	_ = s.Client.Signal(sig) // a process that has just ended needs none
}

// copyInput hands on what is typed, or comes by a pipe, until its end.
func (s *Session) copyInput(terminal bool) {
	var keys keyMatcher
	if terminal {
		keys.keys = s.Keys
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := s.Streams.In.Read(buf)
		data, found := keys.next(buf[:n])
		if len(data) > 0 && !s.write(data) {
			return
		}
		if found {
			close(s.detached)
			return
		}
		if err != nil {
			s.endInput(terminal)
			return
		}
	}
}

// write tells whether somebody reads; between two lives of a container nobody does, and what
// is typed then is lost.
func (s *Session) write(data []byte) bool {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	if to == nil {
		return false
	}
	_, err := to.Write(data)
	return err == nil || s.master
}

func (s *Session) endInput(terminal bool) {
	if terminal {
		s.write([]byte{endOfInput})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to != nil {
		_ = s.to.Close()
		s.to = nil
		_ = s.Client.EOF() // it may have gone
	}
}

// RawTerminal makes the user's terminal hand everything on as it is typed.
func (s *Session) RawTerminal(terminal bool) (restore func(), err error) {
	in := s.Streams.In
	if !terminal || !s.Input || !term.IsTerminal(int(in.Fd())) {
		return func() {}, nil
	}
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(int(in.Fd()), old) }, nil
}

// keyMatcher looks for the detach keys in what is typed.
type keyMatcher struct {
	keys []byte
	seen int // how many of them the last bytes were
}

// next returns what is to be handed on of data, and whether the keys are complete. The
// beginning of the keys is kept back until it is known to be none.
func (m *keyMatcher) next(data []byte) (out []byte, found bool) {
	if len(m.keys) == 0 {
		return data, false
	}
	for i := 0; i < len(data); {
		switch {
		case data[i] == m.keys[m.seen]:
			i++
			if m.seen++; m.seen == len(m.keys) {
				return out, true
			}
		case m.seen > 0:
			// What was kept back was typed after all; this byte may begin the keys.
			out = append(out, m.keys[:m.seen]...)
			m.seen = 0
		default:
			out = append(out, data[i])
			i++
		}
	}
	return out, false
}
