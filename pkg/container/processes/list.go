package processes

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/state"
)

// Runs refuses a container without a process to look at.
func Runs(e *state.Entry) error {
	if !runs(e) {
		return errs.WithHint(fmt.Errorf("container %q: %w: it does not run", e.Name, errs.ErrState), "rc start "+e.Name)
	}
	return nil
}

func runs(e *state.Entry) bool {
	return e.Alive() && e.State != nil && e.State.PID != 0 && linux.Alive(e.State.PID, e.State.PIDStart)
}

// List are the pids of a container's processes, as the caller's pid namespace has them, in
// ascending order.
func List(e *state.Entry) ([]int, error) {
	var pids []int
	var err error
	if e.State.Cgroup != "" {
		pids, err = cgroup.AllProcesses(e.State.Cgroup)
	}
	if len(pids) == 0 && err == nil {
		pids, err = search("/proc", e.State.PID)
	}
	slices.Sort(pids)
	return pids, err
}

// search finds processes without a cgroup.
func search(proc string, first int) ([]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	own, namespace := pidNamespace(proc, os.Getpid()), pidNamespace(proc, first)
	parents := map[int]int{}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if namespace != "" && namespace != own {
			if pidNamespace(proc, pid) == namespace {
				pids = append(pids, pid)
			}
			continue
		}
		if p, err := Read(proc, pid); err == nil {
			parents[pid] = p.PPID
		}
	}
	for pid := range parents {
		if descends(parents, pid, first) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func pidNamespace(proc string, pid int) string {
	link, _ := os.Readlink(proc + "/" + strconv.Itoa(pid) + "/ns/pid")
	return link
}

// descends says whether a process is first, or a descendant of it.
func descends(parents map[int]int, pid, first int) bool {
	for range len(parents) + 1 {
		if pid == first {
			return true
		}
		parent, ok := parents[pid]
		if !ok {
			return false
		}
		pid = parent
	}
	return false
}

// gone says whether an error is that of a process that has just ended.
func gone(err error) bool { return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) }
