package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// stdio are the streams that the container gets itself; with a terminal there are none, and
// nil is /dev/null.
func (r *run) stdio() [3]*os.File {
	var files [3]*os.File
	if r.c.OCI.Process.Terminal {
		return files
	}
	if r.c.Stdin && r.attached("stdin") {
		files[0] = r.streams.In
	}
	if r.attached("stdout") {
		files[1] = r.streams.Out
	}
	if r.attached("stderr") {
		files[2] = r.streams.Err
	}
	return files
}

// attached tells whether -a names a stream, or nothing.
func (r *run) attached(name string) bool {
	return len(r.c.Attach) == 0 || slices.Contains(r.c.Attach, name)
}

// preserved are the caller's descriptors from 3 on.
func preserved(n int) ([]*os.File, error) {
	var files []*os.File
	for fd := 3; fd < 3+n; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC != 0 {
			err = unix.EBADF // it did not come over execve: Go's runtime has it, or rc
		}
		if err != nil {
			return nil, fmt.Errorf("--preserve-fds %d: descriptor %d: %w", n, fd, err)
		}
		files = append(files, os.NewFile(uintptr(fd), "preserved"))
	}
	return files, nil
}

// follow stays with the container until it ends: it hands on signals and what is typed,
// and gives the exit code. It does not wait for the shim, which cleans up behind it.
func (r *run) follow(ctx context.Context) (int, error) {
	// Until the command runs, and without --sig-proxy for ever, a signal that ends ctx ends rc;
	// the shim then stops the container. The others wait until the command runs.
	stop := context.AfterFunc(ctx, r.client.Shutdown)
	defer stop()
	var caught chan os.Signal
	if r.c.SigProxy {
		caught = catchSignals()
	}
	defer r.besides(ctx, caught)()
	pid, master, err := r.client.Started()
	if err != nil {
		return 0, r.giveUp(ctx, err)
	}
	slog.Debug("command runs", "pid", pid)
	if r.c.SigProxy {
		stop()
		defer forwardSignals(caught, func(sig unix.Signal) {
			if sig == unix.SIGHUP && master != nil {
				r.client.Shutdown() // the terminal was closed: nobody is there any more
				return
			}
			_ = r.client.Signal(sig) // a container that has just ended needs none
		})()
	}
	if r.c.PIDFile != "" {
		if err := os.WriteFile(r.c.PIDFile, []byte(strconv.Itoa(pid)), 0o644); err != nil {
			return 0, errors.Join(fmt.Errorf("--pidfile: %w", err), r.abandon(context.WithoutCancel(ctx)))
		}
	}
	if master != nil {
		var in *os.File
		if r.c.Stdin && r.attached("stdin") {
			in = r.streams.In
		}
		terminal, err := attachTerminal(master, in, r.streams.Out)
		if err != nil {
			return 0, errors.Join(err, r.abandon(context.WithoutCancel(ctx)))
		}
		defer terminal.close()
	}
	code, err := r.client.Exited()
	if err != nil {
		return 0, errs.WithCode(err, errs.CodeSignal+int(unix.SIGKILL))
	}
	slog.Debug("container ended", "code", code)
	return code, nil
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
