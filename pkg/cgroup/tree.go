package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Names of the leaves of a scope, and of the leaf that --cgroups split moves the caller to.
const (
	ShimLeaf       = "shim"
	ContainerLeaf  = "container"
	SupervisorLeaf = "supervisor"
	// prefix of the directories and scopes that are rc's.
	prefix = "rc-"
)

// Name is what a container's own cgroup directory is called.
func Name(id string) string { return prefix + id }

// ScopeName is the name of a container's systemd unit.
func ScopeName(id string) string { return prefix + id + ".scope" }

// Make creates a container's cgroup in parent, with the limits set, and returns it open and
// locked (flock) for as long as a copy of the descriptor is open anywhere. Controllers that files
// need are enabled in parent: errs.ErrInUse when processes in parent forbid that. The caller
// closes the descriptor; whoever comes last calls Remove.
func Make(parent, id string, files []File) (*os.File, error) {
	if err := Enable(parent, Need(files), true); err != nil {
		return nil, err
	}
	dir := filepath.Join(parent, Name(id))
	f, err := makeLocked(dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(isDomain(f), Apply(dir, files)); err != nil {
		_ = unix.Rmdir(dir)
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// isDomain makes sure that the new cgroup can hold a process; below a cgroup that has processes
// and a threaded controller for its children it cannot, its type is "domain invalid".
func isDomain(f *os.File) error {
	kind, err := readAt(f, "cgroup.type")
	if err == nil && strings.TrimSpace(string(kind)) != "domain" {
		return fmt.Errorf("make cgroup %q: its type is %q: %w", f.Name(), strings.TrimSpace(string(kind)), errs.ErrInUse)
	}
	return err
}

// makeLocked makes a directory and locks it. Between the two another rc's Sweep may take it for
// garbage: its lock is waited for, and the directory made again when it is gone then. Nobody but
// the holder of the lock removes a directory, or a sweeper could hit the next one of that name.
func makeLocked(dir string) (*os.File, error) {
	for range 100 {
		if err := os.Mkdir(dir, 0o755); err != nil {
			if errors.Is(err, fs.ErrExist) {
				return nil, fmt.Errorf("make cgroup %q: %w", dir, errs.ErrExists)
			}
			return nil, fmt.Errorf("make cgroup %q: %w", dir, unwrapPath(err))
		}
		f, err := Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		}
		if err == nil && sameDir(f, dir) {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("lock cgroup %q: %w", dir, err)
		}
	}
	return nil, fmt.Errorf("make cgroup %q: %w", dir, errs.ErrInUse)
}

func sameDir(f *os.File, dir string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(dir)
	return err == nil && os.SameFile(a, b)
}

// Open opens a cgroup directory for CLONE_INTO_CGROUP and flock, which O_PATH would not allow.
func Open(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %q: %w", dir, err)
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// Remove removes a cgroup with all that was made below it. Processes that are just dying are
// waited for until ctx ends; the error is then errs.ErrInUse. What is gone already is no error.
func Remove(ctx context.Context, dir string) error {
	wait := 100 * time.Microsecond
	for {
		err := removeTree(dir)
		if err == nil || !errors.Is(err, unix.EBUSY) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove cgroup %q: %w", dir, errs.ErrInUse)
		case <-time.After(wait):
		}
		wait = min(2*wait, 10*time.Millisecond)
	}
}

// Empty kills what is in a container's cgroup, which is to be used again, and waits until it
// is gone: errs.ErrInUse when ctx ends before that. It kills one process after the other: where
// cgroup.kill was ever written to, Linux 6.14 and later (cgroup_post_fork, kill_seq) kill what
// clone3(CLONE_INTO_CGROUP) puts there from then on.
func Empty(ctx context.Context, cgroup *os.File) error {
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		populated, err := Populated(cgroup)
		if err != nil || !populated {
			return err
		}
		if err := killEach(linux.FDPath(int(cgroup.Fd()))); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("empty cgroup %q: %w", cgroup.Name(), errs.ErrInUse)
		case <-time.After(wait):
		}
	}
}

func killEach(dir string) error {
	pids, err := Processes(dir)
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended meanwhile
	}
	return err
}

// removeTree tries rmdir before it looks for children: most cgroups have none.
func removeTree(dir string) error {
	err := unix.Rmdir(dir)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("remove cgroup %q: %w", dir, err)
	}
	entries, readErr := os.ReadDir(dir)
	if readErr != nil {
		return readErr
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove cgroup %q: %w", dir, err)
	}
	return nil
}

// Sweep removes what containers that nobody supervises any more left in parent: directories made
// by Make whose lock is free. Processes in them are killed (a container with the host's pid
// namespace can outlive a killed shim). It returns what it removed.
func Sweep(ctx context.Context, parent string) ([]string, error) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil, err
	}
	var removed []string
	var problems []error
	for _, e := range entries {
		if !e.IsDir() || !isOurs(e.Name()) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		gone, err := sweepOne(ctx, dir)
		if gone {
			removed = append(removed, dir)
		}
		problems = append(problems, err)
	}
	return removed, errors.Join(problems...)
}

// isOurs: rc- and 64 hex digits; a scope is systemd's.
func isOurs(name string) bool {
	id, ok := strings.CutPrefix(name, prefix)
	return ok && len(id) == 64 && strings.Trim(id, "0123456789abcdef") == ""
}

func sweepOne(ctx context.Context, dir string) (bool, error) {
	f, err := Open(dir)
	if err != nil {
		return false, nil // gone meanwhile, or not ours to read
	}
	defer func() { _ = f.Close() }()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !sameDir(f, dir) {
		return false, nil // its owner lives, or has removed it and maybe made it anew
	}
	if err := Kill(f); err != nil {
		return false, err
	}
	if err := Remove(ctx, dir); err != nil {
		return false, err
	}
	return true, nil
}

// unwrapPath takes the path out of an error whose message names it already.
func unwrapPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// IdleScopes are the scopes of rc's containers in the slice directory dir that have been
// without a process for longer than age: systemd does not notice the end of a process that it
// put into a scope while it died. At most limit scopes are looked at.
func IdleScopes(dir string, age time.Duration, limit int) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var idle []string
	for _, e := range entries {
		id, scope := strings.CutSuffix(e.Name(), ".scope")
		if !e.IsDir() || !scope || !isOurs(id) {
			continue
		}
		if limit--; limit < 0 {
			break
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < age {
			continue // gone, or systemd may not have filled it yet
		}
		events, err := os.ReadFile(filepath.Join(dir, e.Name(), "cgroup.events"))
		if err == nil && counter(events, "populated") == 0 {
			idle = append(idle, e.Name())
		}
	}
	return idle
}

// Containers finds the cgroups below top that rc made for containers, or had systemd make, by
// the containers' ids. Others are looked into, but not theirs.
func Containers(top string) map[string][]string {
	found := map[string][]string{}
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // gone meanwhile, or not ours to read
		}
		name := strings.TrimSuffix(d.Name(), ".scope")
		if isOurs(name) {
			id := strings.TrimPrefix(name, prefix)
			found[id] = append(found[id], path)
			return fs.SkipDir
		}
		return nil
	})
	return found
}
