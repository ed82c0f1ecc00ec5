package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Apply writes files into a cgroup's directory, in their order. A value that the kernel refuses
// is errs.ErrInvalid, a file that it does not have errs.ErrUnsupported.
func Apply(dir string, files []File) error {
	either := map[string]bool{}
	for _, f := range files {
		err := write(dir, f.Name, f.Value)
		switch {
		case err == nil:
			either[f.Either] = true
		case !errors.Is(err, fs.ErrNotExist):
			return refused(f, err)
		case f.Either != "":
			either[f.Either] = either[f.Either] || false
		case !f.Optional:
			return errs.Unsupportedf("set %s: this kernel has no %s", f.Flags, f.Name)
		}
	}
	for _, f := range files {
		if f.Either != "" && !either[f.Either] {
			return errs.Unsupportedf("set %s: this kernel has neither io.bfq.weight nor io.weight", f.Flags)
		}
	}
	return nil
}

func refused(f File, err error) error {
	for _, errno := range []error{unix.EINVAL, unix.ERANGE, unix.ENODEV, unix.ENOSPC} {
		if errors.Is(err, errno) {
			return errs.Invalidf("set %s: write %q to %s: %w", f.Flags, f.Value, f.Name, err)
		}
	}
	return fmt.Errorf("set %s: write %q to %s: %w", f.Flags, f.Value, f.Name, err)
}

// write is one write(2), which is how the kernel takes these files.
func write(dir, name, value string) error {
	fd, err := unix.Open(filepath.Join(dir, name), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return writeClose(fd, value)
}

// killRounds bounds Kill against a process that forks faster than it is killed.
const killRounds = 100

// Kill sends SIGKILL to every process in the cgroup and below. It returns before they are gone;
// Remove waits for that.
func Kill(cgroup *os.File) error { return kill(cgroup, cgroup.Name()) }

func kill(cgroup *os.File, dir string) error {
	err := writeAt(cgroup, "cgroup.kill", "1")
	if !errors.Is(err, unix.ENOENT) {
		return wrapKill(dir, err)
	}
	// Kernels before 5.14. Killing goes on until nobody forks any more.
	for range killRounds {
		n, err := killListed(dir)
		if err != nil || n == 0 {
			return wrapKill(dir, err)
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("kill cgroup %q: processes keep coming: %w", dir, errs.ErrInUse)
}

func wrapKill(dir string, err error) error {
	if err == nil || errors.Is(err, unix.ENODEV) || errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return nil
	}
	return fmt.Errorf("kill cgroup %q: %w", dir, err)
}

// killListed kills what is listed in dir and below, and says how many that were. A zombie is
// still listed until it is reaped, but a second signal does no harm.
func killListed(dir string) (int, error) {
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		pids, err := Processes(path)
		if err != nil {
			return err
		}
		for _, pid := range pids {
			// 0 is a process of a pid namespace that is not visible from here.
			if pid > 0 && unix.Kill(pid, unix.SIGKILL) == nil {
				n++
			}
		}
		return nil
	})
	return n, err
}

// Populated says whether a process is in the cgroup or below it.
func Populated(cgroup *os.File) (bool, error) {
	events, err := readAt(cgroup, "cgroup.events")
	return counter(events, "populated") > 0, err
}

// OOMKilled says whether the kernel's out-of-memory killer struck in the cgroup or below it. It is
// false where the memory controller is not enabled: nobody counts there.
func OOMKilled(cgroup *os.File) (bool, error) {
	events, err := readAt(cgroup, "memory.events")
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	return counter(events, "oom_kill") > 0, err
}

// counter finds "key N" in a flat keyed file (cgroup-v2.rst, "Format"); 0 without it.
func counter(data []byte, key string) uint64 {
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		name, value, _ := strings.Cut(string(line), " ")
		if name != key {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return 0
}

func writeClose(fd int, value string) error {
	_, err := unix.Write(fd, []byte(value))
	return errors.Join(err, unix.Close(fd))
}

func writeAt(dir *os.File, name, value string) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return writeClose(fd, value)
}

func readAt(dir *os.File, name string) ([]byte, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s of cgroup %q: %w", name, dir.Name(), err)
	}
	defer func() { _ = unix.Close(fd) }()
	// The files read here are a few lines; one page is what the kernel gives at once.
	buf := make([]byte, 4096)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return nil, fmt.Errorf("read %s of cgroup %q: %w", name, dir.Name(), err)
	}
	return buf[:n], nil
}

// End is a supervisor's last act on the cgroup of a container that has ended: it says whether the
// out-of-memory killer struck, kills what is left, and removes the directory dir, of which cgroup
// is the descriptor. It waits for dying processes until ctx ends.
func End(ctx context.Context, cgroup *os.File, dir string) (oom bool, err error) {
	oom, err = OOMKilled(cgroup)
	return oom, errors.Join(err, kill(cgroup, dir), Remove(ctx, dir))
}
