package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Leaves makes shim/ and container/ in a scope that the caller owns, moves every process of the
// scope itself into shim/, enables the controllers that are there (for limits and statistics) and
// sets the limits. It returns container/, open. Missing controllers that files need are an error.
func Leaves(scope string, files []File) (*os.File, error) {
	shim := filepath.Join(scope, ShimLeaf)
	container := filepath.Join(scope, ContainerLeaf)
	for _, dir := range []string{shim, container} {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make cgroup %q: %w", dir, unwrapPath(err))
		}
	}
	available, err := Controllers(scope)
	if err != nil {
		return nil, err
	}
	if missing, flags := lack(files, available); len(missing) > 0 {
		return nil, errs.Unsupportedf("set %s: cgroup %q has no controller %s",
			strings.Join(flags, ", "), scope, strings.Join(missing, ", "))
	}
	if err := Evacuate(scope, shim); err != nil {
		return nil, err
	}
	if err := Enable(scope, available, false); err != nil && len(files) > 0 {
		return nil, err
	}
	if err := Apply(container, files); err != nil {
		return nil, err
	}
	return Open(container)
}

// Move puts a process, with all its threads, into a cgroup.
func Move(dir string, pid int) error {
	if err := write(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
		return fmt.Errorf("move process %d to cgroup %q: %w", pid, dir, err)
	}
	return nil
}

// evacuatePatience bounds Evacuate against a process that forks faster than it is moved, and
// against one that takes its time to end.
const evacuatePatience = 5 * time.Second

// Evacuate moves every process that is in from itself to the cgroup to. Children forked between
// reading and moving are found in the next round; after it their parents fork in to. One that is
// ending is not moved, whatever the kernel answers (cgroup_migrate_add_task, PF_EXITING), and is
// there until it has ended: on a busy machine that takes a while.
func Evacuate(from, to string) error {
	start := time.Now()
	for pause := time.Duration(0); ; pause = min(2*pause+50*time.Microsecond, 10*time.Millisecond) {
		pids, err := Processes(from)
		if err != nil {
			return fmt.Errorf("read processes of cgroup %q: %w", from, err)
		}
		if len(pids) == 0 {
			return nil
		}
		if time.Since(start) > evacuatePatience {
			return fmt.Errorf("empty cgroup %q: processes keep coming, such as %d: %w", from, pids[0], errs.ErrInUse)
		}
		for _, pid := range pids {
			if err := Move(to, pid); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		time.Sleep(pause)
	}
}

// Enable makes controllers available to the children of dir. With empty it first makes sure that
// dir has no processes of its own and returns errs.ErrInUse when it has: the kernel refuses that
// itself for memory and io only; cpu, cpuset and pids it would enable and by that turn dir into
// the root of a threaded subtree, whose children take no process (cgroup-v2.rst, "Threads").
func Enable(dir string, controllers []string, empty bool) error {
	enabled, err := Enabled(dir)
	if err != nil {
		return err
	}
	add := without(controllers, enabled)
	if len(add) == 0 {
		return nil
	}
	for i := range add {
		add[i] = "+" + add[i]
	}
	if empty {
		pids, err := Processes(dir)
		if err != nil {
			return err
		}
		if len(pids) > 0 {
			return fmt.Errorf("enable controllers in cgroup %q: %d processes are in it: %w", dir, len(pids), errs.ErrInUse)
		}
	}
	switch err := write(dir, "cgroup.subtree_control", strings.Join(add, " ")); {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("enable controllers in cgroup %q: %w: %w", dir, err, errs.ErrInUse)
	case err != nil:
		return fmt.Errorf("enable controllers %s in cgroup %q: %w", strings.Join(add, " "), dir, err)
	}
	return nil
}

// Provide makes controllers available in dir itself, by enabling them above it as far up as the
// caller owns the cgroups and they are free of processes.
func Provide(dir string, controllers []string) error {
	available, err := Controllers(dir)
	if err != nil {
		return err
	}
	above := filepath.Dir(dir)
	if len(without(controllers, available)) == 0 || !Delegated(above) {
		return nil // Missing tells the user
	}
	if err := Provide(above, controllers); err != nil {
		return err
	}
	if available, err = Controllers(above); err != nil {
		return err
	}
	return Enable(above, without(controllers, without(controllers, available)), true)
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// CanLimit says whether children of dir have the controllers that files need, or can be given them
// because no process is in dir itself.
func CanLimit(dir string, files []File) bool {
	need := Need(files)
	if enabled, err := Enabled(dir); err == nil && len(without(need, enabled)) == 0 {
		return true
	}
	available, err := Controllers(dir)
	if err != nil || len(without(need, available)) > 0 {
		return false
	}
	pids, err := Processes(dir)
	return err == nil && len(pids) == 0
}

// Split moves the processes of a unit that the caller owns, the caller among them, to the leaf
// supervisor/, so that the unit's other children can have controllers: all that the unit was
// given are enabled, for statistics. Without need of a controller it is no error when that fails.
func Split(unit string, files []File) error {
	leaf := filepath.Join(unit, SupervisorLeaf)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make cgroup %q: %w", leaf, unwrapPath(err))
	}
	if err := Evacuate(unit, leaf); err != nil {
		return err
	}
	available, err := Controllers(unit)
	if err != nil {
		return err
	}
	if err := Enable(unit, available, false); err != nil && len(files) > 0 {
		return err
	}
	return nil
}
