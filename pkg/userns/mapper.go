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

// mapper is newuidmap or newgidmap.
type mapper struct {
	name, path string
	extents    []specs.LinuxIDMapping
	pid        int // 0 until it runs
	pidfd      int
	output     int // memfd of its stderr
}

// mapping is newuidmap(1) and newgidmap(1) at work for one process.
type mapping struct {
	s        source
	pid      int
	uid, gid *mapper
	err      error // one could not be started
}

// prepareMappers does all that can be done before the process is there.
func (s source) prepareMappers(m Map) (*mapping, error) {
	p := &mapping{s: s}
	var err error
	if p.uid, err = prepareMapper("newuidmap", m.UIDs); err == nil {
		p.gid, err = prepareMapper("newgidmap", m.GIDs)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// start starts both, one right after the other, on the calling thread: fork(2) waits for
// the program's execve anyway, and a second thread would cost more than it saves.
func (p *mapping) start(pid int) {
	p.pid = pid
	if p.err = p.uid.start(pid); p.err == nil {
		p.err = p.gid.start(pid)
	}
}

func (p *mapping) close() {
	p.uid.close()
	p.gid.close()
}

// wait waits for both; the end of ctx kills them. It is called once.
func (p *mapping) wait(ctx context.Context) error {
	killed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		p.uid.kill()
		p.gid.kill()
		close(killed)
	})
	err := p.err
	for _, h := range []*mapper{p.uid, p.gid} {
		if waitErr := h.wait(p.s, p.pid); err == nil {
			err = waitErr
		}
	}
	if !stop() {
		<-killed // it uses the pidfds
		if err != nil {
			err = fmt.Errorf("write id maps: %w", context.Cause(ctx))
		}
	}
	p.close()
	// AppArmor is the better explanation where it is the reason.
	if denied := p.s.restricted(p.pid); denied != nil {
		return denied
	}
	return err
}

// findMapper is where newuidmap or newgidmap is.
func findMapper(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	path = "/usr/bin/" + name // a PATH without it, as under cron
	if unix.Access(path, unix.X_OK) != nil {
		return "", errs.WithCheck(fmt.Errorf("write id maps: %s: %w", name, errs.ErrNotFound),
			"install it (Debian, Ubuntu: sudo apt install uidmap; Fedora: sudo dnf install shadow-utils; Arch: sudo pacman -S shadow)", "newuidmap")
	}
	return path, nil
}

func prepareMapper(name string, extents []specs.LinuxIDMapping) (*mapper, error) {
	path, err := findMapper(name)
	if err != nil {
		return nil, err
	}
	// A memfd rather than a pipe: nothing can block, and it is read only after a failure.
	output, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	return &mapper{name: name, path: path, pidfd: -1, output: output, extents: extents}, nil
}

func (h *mapper) start(pid int) error {
	args := []string{h.name, strconv.Itoa(pid)}
	for _, e := range h.extents {
		args = append(args, strconv.FormatUint(uint64(e.ContainerID), 10), strconv.FormatUint(uint64(e.HostID), 10),
			strconv.FormatUint(uint64(e.Size), 10))
	}
	out := uintptr(h.output)
	started, err := syscall.ForkExec(h.path, args, &syscall.ProcAttr{
		Files: []uintptr{out, out, out},
		// Its messages are read by us.
		Env: []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")},
		Sys: &syscall.SysProcAttr{PidFD: &h.pidfd},
	})
	if err != nil {
		return fmt.Errorf("write id maps: exec %q: %w", h.path, err)
	}
	h.pid = started
	return nil
}

func (h *mapper) kill() {
	if h.pid == 0 {
		return
	}
	// The error can only be that it has ended, which is as good.
	if h.pidfd >= 0 {
		_ = unix.PidfdSendSignal(h.pidfd, unix.SIGKILL, nil, 0)
	} else {
		_ = unix.Kill(h.pid, unix.SIGKILL)
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

// wait gives the reason where the map was not written.
func (h *mapper) wait(s source, pid int) error {
	if h.pid == 0 {
		return nil // it never ran
	}
	status, err := wait(h.pid)
	if err != nil {
		return fmt.Errorf("wait for %s: %w", h.name, err)
	}
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	buf := make([]byte, 4096)
	n, err := unix.Pread(h.output, buf, 0)
	if err != nil {
		n = 0
	}
	said := strings.Join(strings.Fields(string(buf[:n])), " ")
	if said == "" {
		said = fmt.Sprintf("%s: exit code %d", h.name, exitCode(status))
	}
	return s.explainMapper(h, fmt.Errorf("write id maps of process %d: %s", pid, said), h.extents)
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
