package hook

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Run runs hooks one after the other, until one fails; its error has what the hook said. pid is
// that of the container's first process as the hook sees it, 0 where there is none. The hooks
// inherit the calling thread's namespaces, credentials and filters.
func Run(hooks []Hook, c *Container, status specs.ContainerState, pid int) error {
	if len(hooks) == 0 {
		return nil
	}
	state := c.state(status, pid)
	for i := range hooks {
		if err := hooks[i].run(state); err != nil {
			return fmt.Errorf("hook %q: %w", hooks[i].Path, err)
		}
	}
	return nil
}

// run runs one hook to its end.
func (h *Hook) run(state []byte) error {
	in, err := memory("state")
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.WriteAt(state, 0); err != nil {
		return err
	}
	out, err := memory("output")
	if err != nil {
		return err
	}
	defer out.Close()
	fd := -1
	argv := h.Args
	if len(argv) == 0 {
		argv = []string{h.Path}
	}
	pid, err := syscall.ForkExec(h.Path, argv, &syscall.ProcAttr{
		Env:   h.Env,
		Files: []uintptr{in.Fd(), out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &fd},
	})
	if err != nil {
		return err
	}
	pidfd := os.NewFile(uintptr(fd), "pidfd")
	defer pidfd.Close()
	limit := -1
	if h.Timeout > 0 {
		limit = int(h.Timeout.Milliseconds())
	}
	done, waited := linux.PidfdWait(pidfd, limit)
	if !done {
		_ = unix.Kill(-pid, unix.SIGKILL) // and what it has started: it is a session's leader
	}
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case waited != nil:
		return waited
	case !done:
		return fmt.Errorf("it did not end within %s%s", h.Timeout, said(out))
	case status.Signaled():
		return fmt.Errorf("signal %d%s", int(status.Signal()), said(out))
	case status.ExitStatus() != 0:
		return fmt.Errorf("exit code %d%s", status.ExitStatus(), said(out))
	}
	return nil
}

// memory is an empty file in memory: nothing has to be read while the hook runs.
func memory(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate("hook "+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// said is the end of what a hook has written, on one line.
func said(out *os.File) string {
	const most = 500
	var st unix.Stat_t
	if unix.Fstat(int(out.Fd()), &st) != nil {
		return ""
	}
	data := make([]byte, min(st.Size, most))
	n, _ := out.ReadAt(data, st.Size-int64(len(data)))
	text := bytes.Join(bytes.Fields(data[:n]), []byte(" "))
	if len(text) == 0 {
		return ""
	}
	return ": " + string(bytes.ToValidUTF8(text, []byte("?")))
}
