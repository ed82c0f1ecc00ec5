package worker

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// host is the connection with rc.
type host struct {
	sock *os.File
	in   *json.Decoder

	sending sync.Mutex

	mu   sync.Mutex // of what follows
	runs map[int]chan build.Ran
	next int
	gone bool
	stop sync.Once
}

func newHost(sock *os.File) *host {
	return &host{sock: sock, in: json.NewDecoder(sock), runs: map[int]chan build.Ran{}}
}

// errInterrupted is the end that a signal or rc's own end makes.
var errInterrupted = errors.New("interrupted")

// start reads what rc asks for.
func (h *host) start() (*build.Start, error) {
	var m build.Message
	if err := h.in.Decode(&m); err != nil || m.Start == nil {
		return nil, errors.Join(errs.Invalidf("no build is asked for"), err)
	}
	return m.Start, nil
}

// listen takes rc's answers in, and ends the work when rc closes its side or a signal comes.
func (h *host) listen(cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 4)
	linux.Catch(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		<-signals
		cancel(errInterrupted)
	}()
	for {
		var m build.Message
		if err := h.in.Decode(&m); err != nil {
			break
		}
		if m.Ran != nil {
			h.ran(*m.Ran)
		}
	}
	cancel(errInterrupted)
}

func (h *host) ran(r build.Ran) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch := h.runs[r.ID]; ch != nil {
		ch <- r
		delete(h.runs, r.ID)
	}
}

// send tells rc something. That rc is gone is noticed by listen.
func (h *host) send(m build.Message) {
	data, err := json.Marshal(m)
	if err != nil {
		return // the types of package build can be encoded
	}
	h.sending.Lock()
	defer h.sending.Unlock()
	if _, err := h.sock.Write(data); err != nil {
		h.lost()
	}
}

// lost ends the commands that nobody will tell of any more.
func (h *host) lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
	for id, ch := range h.runs {
		close(ch)
		delete(h.runs, id)
	}
}

// run has rc run a command; it returns when nothing uses the directories of r any more.
func (h *host) run(ctx context.Context, r build.Run) (build.Ran, error) {
	ch := make(chan build.Ran, 1)
	h.mu.Lock()
	if h.gone {
		h.mu.Unlock()
		return build.Ran{}, errInterrupted
	}
	h.next++
	r.ID = h.next
	h.runs[r.ID] = ch
	h.mu.Unlock()
	h.send(build.Message{Run: &r})
	defer context.AfterFunc(ctx, func() {
		// Whatever ends one step ends the build.
		h.stop.Do(func() { h.send(build.Message{Stop: true}) })
	})()
	ran, ok := <-ch
	switch {
	case ctx.Err() != nil:
		return ran, context.Cause(ctx)
	case !ok:
		return ran, errInterrupted
	case ran.Error != nil:
		return ran, errs.WithCode(ran.Error.Err(), ran.Code)
	}
	return ran, nil
}
