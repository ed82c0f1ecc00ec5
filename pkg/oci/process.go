package oci

import (
	"errors"
	"fmt"
	"io"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Process is a container's first process. It is not safe for concurrent use, but for
// Signal, Kill and Wait.
type Process struct {
	// PID is the process in the caller's pid namespace.
	PID int
	// Pidfd refers to it for ever; Close closes it.
	Pidfd *os.File
	// Console is the terminal's master, known after Ready when a terminal was asked for.
	// It is the caller's to close.
	Console *os.File
	// Hooks, where it is set, runs the hooks of the runtime: Ready calls it when everything is
	// mounted in the process's namespaces, before pivot_root(2).
	Hooks func() error

	uids, gids []specs.LinuxIDMapping // of its user namespace, if it is nested

	sock     *os.File
	ready    bool
	gone     bool
	released chan struct{} // closed by Close: ends the thread of DieWithParent
}

// Ready waits until the container is set up and only execve is left.
func (p *Process) Ready() error {
	if p.ready {
		return nil
	}
	data, files, err := p.receive()
	for err == nil && (data[0] == msgHooks || data[0] == msgOwn) {
		if data[0] == msgOwn {
			p.own(data[1:], files)
		} else if err = p.answerHooks(); err != nil {
			break
		}
		data, files, err = p.receive()
	}
	if err != nil {
		return err
	}
	if data[0] != msgReady {
		return fmt.Errorf("start container: child sent %q, want %q", data[0], msgReady)
	}
	if len(files) > 0 {
		p.Console = files[0]
	}
	p.ready = true
	return nil
}

// Go lets the process execute its command and does not wait for that; Run does, and has to
// be called in any case.
func (p *Process) Go() error {
	if err := p.Ready(); err != nil || p.gone {
		return err
	}
	// A child that died has closed its end: the reason is what it sent before.
	if err := linux.Send(p.sock, []byte{msgGo}); err != nil && !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("start container: %w", err)
	}
	p.gone = true
	return nil
}

// Run lets the process execute its command and returns when it does. errs.Code of the
// error is 127 for a command that does not exist, 126 for one that cannot be executed. The
// process is then about to end, and Wait still has to be called.
func (p *Process) Run() error {
	if err := p.Go(); err != nil {
		return err
	}
	data, _, err := p.receive()
	if err != nil {
		return err
	}
	if data[0] != msgExec {
		return fmt.Errorf("start container: child sent %q, want %q", data[0], msgExec)
	}
	_, _, err = p.receive()
	if errors.Is(err, errDied) {
		err = nil // the descriptor was closed by execve
	}
	_ = p.sock.Close()
	return err
}

// errDied is the end of the socket.
var errDied = errors.New("the process died while it was set up")

// receive reads one message; the child's errors come back as errors.
func (p *Process) receive() ([]byte, []*os.File, error) {
	data, files, err := linux.Receive(p.sock, maxMessage)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, fmt.Errorf("start container: %w", errDied)
	case err != nil:
		return nil, nil, fmt.Errorf("start container: %w", err)
	case data[0] == msgError:
		return nil, nil, decodeFailure(data[1:])
	}
	return data, files, nil
}

// Wait blocks until the process has ended, reaps it and returns its exit code, 128+n for
// one that signal n ended.
func (p *Process) Wait() (int, error) {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(p.PID, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for process %d: %w", p.PID, err)
		}
		return exitCode(status), nil
	}
}

// exitCode is a wait status as a shell shows it.
func exitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return errs.CodeSignal + int(status.Signal())
	}
	return status.ExitStatus()
}

// Signal sends a signal; a process that is gone is no error.
func (p *Process) Signal(sig unix.Signal) error { return linux.PidfdSignal(p.Pidfd, sig) }

// Kill ends the process, and with its pid namespace everything in the container.
func (p *Process) Kill() error { return p.Signal(unix.SIGKILL) }

// Close releases what Start opened, but for Console. A process that was not told to run
// ends; one started with DieWithParent ends in any case, so close it after Wait.
func (p *Process) Close() error {
	_ = p.sock.Close() // closed already by Run
	if p.released != nil {
		close(p.released)
		p.released = nil
	}
	return p.Pidfd.Close()
}
