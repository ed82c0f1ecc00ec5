package shim

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/overlay"
)

// cleanUp leaves nothing of a container that has ended but its record, and not even that
// with --rm. What it cannot do, or is killed before, the next call of rc does.
func (s *server) cleanUp(ctx context.Context) {
	s.discard()
	complain(s.plan.Records.LeaveNetworks(s.plan.ID))
	s.emptyCgroup(ctx)
	s.killDescendants(nil)
	if s.helper != nil {
		s.helper.stop()
	}
	s.poststop()
	s.removePoints()
	for _, target := range s.mounted {
		complain(overlay.Unmount(s.now(target)))
	}
	complain(s.output.close())
	if s.discarded {
		for _, dir := range s.dropped {
			complain(os.RemoveAll(dir))
		}
		complain(os.RemoveAll(s.now(s.plan.Records.Dir(s.plan.ID))))
		return
	}
	complain(os.RemoveAll(s.plan.Records.RunDir(s.plan.ID)))
}

// discard makes a container with --rm be no more for everybody else, whose name is free:
// before rc is told of its end, since the next command may need that. The files are still
// mounted; they are in trash/ from here on.
func (s *server) discard() {
	if !s.plan.Remove || s.discarded {
		return
	}
	err := s.plan.Records.Discard(s.plan.ID, s.plan.Name)
	complain(err)
	s.discarded = err == nil
	s.dropVolumes()
}

// now is where a path below the container's directory is after discard.
func (s *server) now(path string) string {
	records := s.plan.Records
	rest, below := strings.CutPrefix(path, records.Dir(s.plan.ID))
	if !s.discarded || !below {
		return path
	}
	return filepath.Join(records.TrashDir(), s.plan.ID) + rest
}

// complain reports what nobody waits for: standard error is rc's, or nowhere.
func complain(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "rc-shim:", err)
	}
}

// dying is how long processes may take to be gone once they were killed.
const dying = 2 * time.Second

// emptyCgroup ends what is left in the container's cgroup and removes it.
func (s *server) emptyCgroup(ctx context.Context) {
	if s.cgroup == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dying)
	defer cancel()
	_, err := cgroup.End(ctx, s.cgroup, s.place.Cgroup)
	complain(err)
}

// killDescendants ends what the container left in the host's pid namespace, and what comes
// to the shim, as their reaper, by that; not those in stay. With a pid namespace of its own the
// kernel has done it.
func (s *server) killDescendants(stay []int) {
	if ownPIDs() {
		return
	}
	for range 100 { // each round kills what the last one orphaned
		left := false
		for _, pid := range children() {
			if !s.helper.is(pid) && !slices.Contains(stay, pid) {
				left = true
				_ = unix.Kill(pid, unix.SIGKILL)
				_, _ = unix.Wait4(pid, nil, 0, nil)
			}
		}
		if !left {
			return
		}
	}
}

// reapEvery is how often the shim looks for orphans: often enough that they do not pile up.
const reapEvery = 10 * time.Second

// reapOrphans takes the exit codes of processes that came to the shim when their parents
// ended: those of a container with the host's pid namespace.
func (s *server) reapOrphans() {
	s.forking.Lock()
	defer s.forking.Unlock()
	for _, pid := range children() {
		if pid != s.proc.PID && !s.helper.is(pid) && !s.entered[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

// children are the caller's, whichever of its threads forked them.
func children() []int {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	complain(err)
	var pids []int
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has just ended
		}
		for field := range bytes.FieldsSeq(data) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
