package container

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
)

// follow stays with the container until it ends, or is detached from: it hands on signals and
// what is typed, and gives the exit code. It does not wait for the shim, which cleans up
// behind it.
func (r *run) follow(ctx context.Context) (int, error) {
	// Until the command runs, and without --sig-proxy for ever, a signal that ends ctx ends rc;
	// the shim then stops the container. The others wait until the command runs.
	stop := context.AfterFunc(ctx, r.client.Shutdown)
	defer stop()
	defer r.restoreTerminal()
	var caught chan os.Signal
	if r.sigProxy {
		caught = session.CatchSignals()
	}
	defer r.besides(ctx, caught)()
	event, err := r.client.Next()
	if err != nil {
		return 0, r.giveUp(ctx, err)
	}
	r.started = true
	r.ports.Release()
	_ = r.dir.Close() // the container runs: it can be stopped and removed from here on
	r.debugStart(event.PID)
	if err := r.writePID(event.PID); err != nil {
		return 0, errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
	}
	s := &session.Session{Client: r.client, Streams: r.streams, Keys: r.keys, Owner: true}
	s.Input = r.front[0] && event.Terminal // else the container reads rc's standard input itself
	if r.sigProxy {
		stop()
		s.Signals = caught
	}
	end, err := s.Run(ctx, event)
	switch {
	case errors.Is(err, session.ErrTerminal):
		return 0, errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
	case err != nil:
		return 0, errs.WithCode(err, errs.CodeSignal+int(unix.SIGKILL))
	}
	slog.Debug("container ended, or was detached from", "code", end.Code, "detached", end.Detached)
	return end.Code, session.Unwritten(end)
}

// besides does what nobody waits for while the container starts; what it returns waits for
// the end of the tidying. It begins late: until then the shim and the first process need the
// processors, and a machine may have two.
func (r *run) besides(ctx context.Context, caught chan os.Signal) (wait func()) {
	done := make(chan struct{})
	go func() {
		time.Sleep(startTime)
		r.tidy(ctx)
		close(done)
		if caught != nil {
			session.CatchAllSignals(caught)
		}
	}()
	return func() { <-done }
}

// startTime is about half of what it takes from the plan to the command.
const startTime = 2 * time.Millisecond
