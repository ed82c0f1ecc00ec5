package shim

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/overlay"
)

// cleanUp leaves nothing of a container that has ended but its record, and not even that
// with --rm. What it cannot do, or is killed before, the next call of rc does.
func (s *server) cleanUp(ctx context.Context) {
	s.emptyCgroup(ctx)
	s.killDescendants()
	if s.helper != nil {
		s.helper.stop()
	}
	for _, target := range s.mounted {
		complain(overlay.Unmount(target))
	}
	id, records := s.plan.ID, s.plan.Records
	if !s.plan.Remove {
		complain(os.RemoveAll(records.RunDir(id)))
		return
	}
	// The name goes first and the directory in one step: nobody sees half a container.
	err := records.Discard(id, s.plan.Name)
	complain(err)
	if err == nil {
		complain(os.RemoveAll(filepath.Join(records.TrashDir(), id)))
	}
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
// to the shim, as their reaper, by that. With a pid namespace of its own the kernel has
// done it.
func (s *server) killDescendants() {
	if ownPIDs() {
		return
	}
	for range 100 { // each round kills what the last one orphaned
		left := false
		for _, pid := range children() {
			if !s.helper.is(pid) {
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
		for _, field := range bytes.Fields(data) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
