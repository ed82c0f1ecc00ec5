package lifecycle

import (
	"context"
	"time"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/state"
)

// life is the watch over one life of a container. A nil one is of none.
type life struct {
	started time.Time
	ended   chan struct{} // closed at the end of its process
	told    chan struct{} // closed when its shim has said all that it will
	exit    int           // what it said; to be read after that
	known   bool          // it said something
	stop    func()
	since   time.Time // of its end, as await has seen it
}

// recordTime is how long after the end of a life its record may take to be there, or its
// shim to say the code.
const recordTime = 2 * time.Second

// watch begins to watch over a container that lives.
func watch(root state.Root, e *state.Entry) *life {
	ctx, cancel := context.WithCancel(context.Background())
	l := &life{started: e.State.Started, ended: make(chan struct{}), told: make(chan struct{}), stop: cancel}
	pid, start := e.State.PID, e.State.PIDStart
	if pid == 0 { // the shim waits with it
		pid, start = e.State.ShimPID, e.State.ShimStart
	}
	process, err := OpenProcess(pid, start)
	go func() {
		defer close(l.ended)
		if err != nil || process == nil {
			return // it ended a moment ago
		}
		defer process.Close()
		_, _ = linux.PidfdEnd(ctx, process)
	}()
	go l.listen(ctx, root.RunDir(e.ID))
	return l
}

// listen asks the shim for the exit code: with --rm nobody else knows it.
func (l *life) listen(ctx context.Context, runDir string) {
	defer close(l.told)
	client, err := shim.Dial(runDir)
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	defer context.AfterFunc(ctx, client.Shutdown)()
	if client.Watch() != nil {
		return
	}
	event, err := client.Next()
	if err == nil && event.Exited {
		l.exit, l.known = event.Code, true
	}
}

// of says whether it is this life of the container.
func (l *life) of(e *state.Entry) bool { return l != nil && l.started.Equal(e.State.Started) }

// await waits for the end of the life, or of ctx.
func (l *life) await(ctx context.Context) {
	select {
	case <-l.ended:
		l.since = time.Now()
	case <-ctx.Done():
	}
}

// over says whether it has ended, as far as await has seen.
func (l *life) over() bool { return l != nil && !l.since.IsZero() }

// code is what the shim said, if it did. It waits for that.
func (l *life) code() (int, bool) {
	if l == nil {
		return 0, false
	}
	select {
	case <-l.told:
		return l.exit, l.known
	case <-time.After(recordTime): // it was stopped
		return 0, false
	}
}

// leave ends the watch.
func (l *life) leave() {
	if l != nil {
		l.stop()
	}
}
