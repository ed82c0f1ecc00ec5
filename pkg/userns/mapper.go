package userns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// mapper is one running newuidmap or newgidmap.
type mapper struct {
	name, path string
	pid        int
	pidfd      int
	output     int // memfd of its stderr
}

// runMappers has newuidmap(1) and newgidmap(1) write the maps of a process, both at once.
func (s source) runMappers(ctx context.Context, pid int, m Map) error {
	uid, uidErr := startMapper("newuidmap", pid, m.UIDs)
	gid, gidErr := startMapper("newgidmap", pid, m.GIDs)
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		uid.kill()
		gid.kill()
		close(killed)
	})
	if uidErr == nil {
		uidErr = uid.wait(ctx, s, pid, m.UIDs)
	}
	if gidErr == nil {
		gidErr = gid.wait(ctx, s, pid, m.GIDs)
	}
	cut := !stop()
	if cut {
		<-killed // it still uses the pidfds
	}
	uid.close()
	gid.close()
	if cut {
		return fmt.Errorf("write id maps: %w", context.Cause(ctx))
	}
	if uidErr == nil && gidErr == nil {
		return s.restricted(pid)
	}
	if err := s.restricted(pid); err != nil {
		return err
	}
	if uidErr != nil {
		return uidErr
	}
	return gidErr
}

func startMapper(name string, pid int, extents []specs.LinuxIDMapping) (*mapper, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path = "/usr/bin/" + name // a PATH without it, as under cron
		if unix.Access(path, unix.X_OK) != nil {
			return nil, errs.WithHint(fmt.Errorf("write id maps: %s: %w", name, errs.ErrNotFound),
				"install it (Debian, Ubuntu: sudo apt install uidmap; Fedora: sudo dnf install shadow-utils; Arch: sudo pacman -S shadow)")
		}
	}
	// A memfd rather than a pipe: nothing can block, and it is read only after a failure.
	output, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	args := []string{name, strconv.Itoa(pid)}
	for _, e := range extents {
		args = append(args, strconv.FormatUint(uint64(e.ContainerID), 10), strconv.FormatUint(uint64(e.HostID), 10),
			strconv.FormatUint(uint64(e.Size), 10))
	}
	h := &mapper{name: name, path: path, pidfd: -1, output: output}
	h.pid, err = syscall.ForkExec(path, args, &syscall.ProcAttr{
		Files: []uintptr{uintptr(output), uintptr(output), uintptr(output)},
		// Its messages are read by us.
		Env: []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")},
		Sys: &syscall.SysProcAttr{PidFD: &h.pidfd},
	})
	if err != nil {
		unix.Close(output)
		return nil, fmt.Errorf("write id maps: exec %q: %w", path, err)
	}
	return h, nil
}

func (h *mapper) kill() {
	if h == nil || h.pid == 0 {
		return
	}
	if h.pidfd >= 0 {
		// The error can only be that it has ended.
		_ = unix.PidfdSendSignal(h.pidfd, unix.SIGKILL, nil, 0)
	}
}

func (h *mapper) close() {
	if h == nil {
		return
	}
	unix.Close(h.output)
	if h.pidfd >= 0 {
		unix.Close(h.pidfd)
	}
}

func (h *mapper) wait(ctx context.Context, s source, pid int, extents []specs.LinuxIDMapping) error {
	status, err := wait(h.pid)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", h.name, err)
	}
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// Everyone has the same file offset: read from the start.
	buf := make([]byte, 4096)
	n, err := unix.Pread(h.output, buf, 0)
	if err != nil {
		n = 0
	}
	said := strings.Join(strings.Fields(string(buf[:n])), " ")
	if said == "" {
		said = fmt.Sprintf("exit code %d", exitCode(status))
	}
	return s.explainMapper(h, fmt.Errorf("write id maps of process %d: %s", pid, said), extents)
}

// writeMaps writes the maps by ourselves: one id, or ids of a namespace whose root we are.
func writeMaps(pid int, m Map) error {
	dir := "/proc/" + strconv.Itoa(pid)
	if m.Single() {
		// user_namespaces(7): without CAP_SETGID outside, a gid map is writable only so.
		if err := writeProc(dir+"/setgroups", "deny"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return Explain(err)
		}
	}
	if err := writeProc(dir+"/uid_map", mapText(m.UIDs)); err != nil {
		return errors.Join(system().restricted(pid), Explain(err))
	}
	if err := writeProc(dir+"/gid_map", mapText(m.GIDs)); err != nil {
		return Explain(err)
	}
	return system().restricted(pid)
}

func mapText(extents []specs.LinuxIDMapping) string {
	var b strings.Builder
	for _, e := range extents {
		fmt.Fprintf(&b, "%d %d %d\n", e.ContainerID, e.HostID, e.Size)
	}
	return b.String()
}

// writeProc writes at once: the kernel takes a map in one write(2) only.
func writeProc(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
