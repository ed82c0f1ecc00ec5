package shim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/oci"
)

// hostPIDOf is hostPID of a child. The host's /proc shows a pidfd's process with the pid of
// that /proc's namespace (proc_pid_fdinfo(5)).
func (s *server) hostPIDOf(p *oci.Process) (pid int, start uint64, err error) {
	info, err := s.readHostProc("self/fdinfo/" + strconv.Itoa(int(p.Pidfd.Fd())))
	if err != nil {
		return 0, 0, err
	}
	for line := range bytes.Lines(info) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
			return s.hostPID(string(bytes.TrimSpace(rest)))
		}
	}
	return 0, 0, fmt.Errorf("pid of process %d: not in /proc", p.PID)
}

// hostPID is the pid on the host, and the start time, of a process that the host's /proc
// has under a name: a pid there, or self.
func (s *server) hostPID(who string) (pid int, start uint64, err error) {
	stat, err := s.readHostProc(who + "/stat")
	if err != nil {
		return 0, 0, err
	}
	open, end := bytes.IndexByte(stat, ' '), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < 0 {
		return 0, 0, fmt.Errorf("read /proc/%s/stat: %q", who, stat)
	}
	fields := bytes.Fields(stat[end+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("read /proc/%s/stat: %d fields", who, len(fields))
	}
	if pid, err = strconv.Atoi(string(stat[:open])); err != nil {
		return 0, 0, fmt.Errorf("read /proc/%s/stat: %w", who, err)
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return pid, start, err
}

func (s *server) readHostProc(name string) ([]byte, error) {
	fd, err := unix.Openat(int(s.hostProc.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /proc/%s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return io.ReadAll(f)
}

// ownProc mounts a /proc of the outer pid namespace, in which the maps of a child can be
// written, and keeps the host's, in which a child's host pid can be read.
func (s *server) ownProc() error {
	var err error
	if s.hostProc, err = os.Open("/proc"); err != nil {
		return err
	}
	if !ownPIDs() {
		// --pid host: there is no outer namespace. What the container leaves behind comes here.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
		}
		return nil
	}
	err = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if errors.Is(err, unix.EPERM) {
		return errs.WithHint(fmt.Errorf("mount /proc: %w", err),
			"this /proc is masked, as in a container: run the outer one with --security-opt unmask=/proc/*")
	}
	if err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}
