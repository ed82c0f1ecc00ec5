package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
)

// preserved are the caller's descriptors from 3 on: those of --preserve-fds, and a unit's sockets.
func preserved(n int) ([]*os.File, error) {
	var files []*os.File
	for fd := 3; fd < 3+n; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF // it did not come over execve: Go's runtime has it, or rc
		}
		if err != nil {
			return nil, fmt.Errorf("hand on %d descriptors: descriptor %d: %w", n, fd, err)
		}
		files = append(files, os.NewFile(uintptr(fd), "preserved"))
	}
	return files, nil
}

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
		caught = catchSignals()
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
	s := &session{client: r.client, streams: r.streams, keys: r.keys, owner: true}
	s.input = r.front[0] && event.Terminal // else the container reads rc's standard input itself
	if r.sigProxy {
		stop()
		s.signals = caught
	}
	end, err := s.run(ctx, event)
	switch {
	case errors.Is(err, errTerminal):
		return 0, errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
	case err != nil:
		return 0, errs.WithCode(err, errs.CodeSignal+int(unix.SIGKILL))
	}
	slog.Debug("container ended, or was detached from", "code", end.Code, "detached", end.Detached)
	return end.Code, unwritten(end)
}

// unwritten is the error for a command that has ended while what it printed could not be written, on a
// full disk: its own code stays where that tells of a failure already.
func unwritten(end shim.Event) error {
	if end.Unwritten == "" {
		return nil
	}
	return errs.WithCode(errors.New(end.Unwritten), cmp.Or(end.Code, errs.CodeError))
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
			catchAllSignals(caught)
		}
	}()
	return func() { <-done }
}

// startTime is about half of what it takes from the plan to the command.
const startTime = 2 * time.Millisecond
