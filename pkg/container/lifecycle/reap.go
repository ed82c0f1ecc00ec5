package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// DeadShim is a container whose shim was killed, and nothing has taken care of it since.
type DeadShim struct {
	ID    string
	State spec.State
}

// Dead finds containers with the state of a shim that does not live.
func Dead(root state.Root) ([]DeadShim, error) {
	ids, err := root.RunIDs()
	if err != nil {
		return nil, err
	}
	var dead []DeadShim
	for _, id := range ids {
		if _, err := os.Lstat(root.Dir(id)); err != nil {
			continue // another data root's, or being removed
		}
		// A broken one is state.Root.Check's.
		if s, err := root.State(id); err == nil && s != nil && !linux.Alive(s.ShimPID, s.ShimStart) {
			dead = append(dead, DeadShim{id, *s})
		}
	}
	return dead, nil
}

// Reap does for a container what its shim would have done at its end, had it not been killed.
func Reap(ctx context.Context, root state.Root, id string) error {
	swept, err := root.SweepContainer(id)
	if swept != nil {
		err = errors.Join(err, dropVolumes(root, swept.Volumes))
	}
	if swept != nil && swept.State.Cgroup != "" {
		KillCgroup(swept.State.Cgroup)
		RemoveCgroup(ctx, swept.State.Cgroup)
	}
	return err
}

// Orphan is a cgroup that a killed container left.
type Orphan struct{ ID, Dir string }

// cgroupWait is how long after its container the cgroup may be there: systemd removes scopes in its own time.
const cgroupWait = 10 * time.Second

// OrphanedCgroups finds cgroups of root's containers that do not run, in the part of the
// hierarchy that the user may change, and those of any that nobody looks after in the unit that we are in.
func OrphanedCgroups(root state.Root) []Orphan {
	h, err := cgroup.Find()
	if err != nil {
		return nil
	}
	top, err := h.Own(0)
	if err != nil {
		return nil
	}
	for up := filepath.Dir(top); up != top && cgroup.Delegated(up); up = filepath.Dir(top) {
		top = up
	}
	if !cgroup.Delegated(top) {
		return nil
	}
	var orphans []Orphan
	for id, dirs := range cgroup.Containers(top) {
		if e, err := root.Find(id); err != nil || e.Alive() || e.Starting || e.ID != id {
			continue // another root's, a broken record's, or one that runs
		}
		for _, dir := range dirs {
			if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > cgroupWait {
				orphans = append(orphans, Orphan{id, dir})
			}
		}
	}
	return orphans
}

// Remove kills what is in the cgroup, and removes it.
func (o Orphan) Remove(ctx context.Context) error {
	KillCgroup(o.Dir)
	ctx, cancel := context.WithTimeout(ctx, KillGrace)
	defer cancel()
	err := cgroup.Remove(ctx, o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// EmptyTrashNow deletes what lies in trash/, and returns when it is done.
func EmptyTrashNow(ctx context.Context, cfg *config.Config) error {
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	code, err := userns.Reexec(ctx, ids, []string{"--root", cfg.DataRoot, "--runroot", cfg.RunRoot, EmptyTrashVerb})
	if err == nil && code != 0 {
		err = errs.Exit(code)
	}
	if err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}
