package system

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// MigrateVerb is rc's hidden verb that calls Rechown, in the default map.
const MigrateVerb = "__rechown"

// idMap is which ids outside the ids of files have: storage/idmap.json, as package store
// writes it.
type idMap struct {
	UIDs []specs.LinuxIDMapping `json:"uids"`
	GIDs []specs.LinuxIDMapping `json:"gids"`
}

func idMapPath(cfg *config.Config) string { return filepath.Join(cfg.StorageRoot(), "idmap.json") }

// recorded is the map that the files below the data root were made with; nil where there are none.
func recorded(cfg *config.Config) (*idMap, error) {
	data, err := os.ReadFile(idMapPath(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &idMap{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("read %q: %w", idMapPath(cfg), err)
	}
	return m, nil
}

// Migrate makes containers and images fit to /etc/subuid and /etc/subgid as they are now: it
// stops containers that run with other ids, and gives files of ids that have moved their new
// ones, if the old ones are still there. It tells say what it does.
//
// The files stay readable throughout: while both ranges are there the new one comes first, and
// the old one is taken out of /etc/subuid when this has ended.
func Migrate(ctx context.Context, cfg *config.Config, say func(string)) error {
	if _, inside := userns.Caller(); inside {
		return errs.WithHint(errs.Unsupportedf("system migrate: in rc unshare, the ranges of /etc/subuid are those that it began with"),
			"leave it with exit, then: rc system migrate")
	}
	now, err := userns.DefaultMap(ctx)
	if err != nil {
		return fmt.Errorf("system migrate: %w", err)
	}
	next := idMap{now.UIDs, now.GIDs}
	old, err := recorded(cfg)
	if err != nil {
		return fmt.Errorf("system migrate: %w", err)
	}
	moved := old != nil && (moves(old.UIDs, next.UIDs) || moves(old.GIDs, next.GIDs))
	if moved {
		// Before anything is stopped.
		if err := feasible(*old, next); err != nil {
			return err
		}
	}
	if err := stopOthers(ctx, records.Of(cfg), next, moved, say); err != nil {
		return fmt.Errorf("system migrate: %w", err)
	}
	if !moved {
		return nil
	}
	lock, err := index.Hold(ctx, cfg, false)
	if err != nil {
		return fmt.Errorf("system migrate: %w", err)
	}
	defer lock.Release()
	pulls, err := index.Flock(ctx, filepath.Join(cfg.StorageRoot(), "pulls.lock"), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return fmt.Errorf("system migrate: images are being pulled: %w", err)
	}
	defer pulls.Release()
	say("giving the files of images and containers their new owners")
	code, err := userns.Reexec(ctx, now, []string{"--root", cfg.DataRoot, "--runroot", cfg.RunRoot, MigrateVerb})
	if err == nil && code != 0 {
		return errs.Exit(code) // it has said why
	}
	if err != nil {
		return fmt.Errorf("system migrate: %w", err)
	}
	data, err := json.Marshal(idMap{translate(old.UIDs, next.UIDs), translate(old.GIDs, next.GIDs)})
	if err == nil {
		err = linux.ReplaceFile(idMapPath(cfg), data)
	}
	if err != nil {
		return fmt.Errorf("system migrate: %w", err)
	}
	say("done: the old ranges can be taken out of /etc/subuid and /etc/subgid now")
	return nil
}

// stopOthers stops containers that run with other ids than next, or all of them.
func stopOthers(ctx context.Context, root state.Root, next idMap, all bool, say func(string)) error {
	entries, broken := root.List()
	if all && len(broken) > 0 {
		return errors.Join(broken...)
	}
	var wait sync.WaitGroup
	problems := make([]error, len(entries))
	for i, e := range entries {
		if !e.Alive() || e.State == nil || !all && sameMap(e.State.ShimPID, next) {
			continue
		}
		say("stopping " + e.Name)
		wait.Go(func() {
			problems[i] = lifecycle.Stop(ctx, root, e.ID, lifecycle.StopOptions{})
			if errors.Is(problems[i], errs.ErrNotFound) {
				problems[i] = nil // --rm
			}
		})
	}
	wait.Wait()
	return errors.Join(problems...)
}

// sameMap says whether a process has the ids of a map; of one that has gone it does not matter.
func sameMap(pid int, m idMap) bool {
	for file, want := range map[string][]specs.LinuxIDMapping{"uid_map": m.UIDs, "gid_map": m.GIDs} {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
		if err != nil {
			return true
		}
		if !slices.Equal(parseMap(string(data)), want) {
			return false
		}
	}
	return true
}

// parseMap reads /proc/PID/uid_map.
func parseMap(text string) []specs.LinuxIDMapping {
	var out []specs.LinuxIDMapping
	for line := range strings.Lines(text) {
		var e specs.LinuxIDMapping
		if _, err := fmt.Sscan(line, &e.ContainerID, &e.HostID, &e.Size); err == nil {
			out = append(out, e)
		}
	}
	return out
}

// moves says whether an id of the old map is another one outside by the new map, or none.
func moves(old, next []specs.LinuxIDMapping) bool {
	return !slices.Equal(translate(old, next), merged(old))
}

// translate is the old map's ids with what the new map makes of them outside. What it has not is left out.
func translate(old, next []specs.LinuxIDMapping) []specs.LinuxIDMapping {
	var out []specs.LinuxIDMapping
	for _, o := range old {
		for _, n := range next {
			from := max(o.ContainerID, n.ContainerID)
			end := min(uint64(o.ContainerID)+uint64(o.Size), uint64(n.ContainerID)+uint64(n.Size))
			if uint64(from) < end {
				out = append(out, specs.LinuxIDMapping{ContainerID: from, HostID: n.HostID + from - n.ContainerID, Size: uint32(end - uint64(from))})
			}
		}
	}
	return merged(out)
}

// merged joins extents that continue each other, sorted by the ids inside.
func merged(extents []specs.LinuxIDMapping) []specs.LinuxIDMapping {
	sorted := slices.Clone(extents)
	slices.SortFunc(sorted, func(a, b specs.LinuxIDMapping) int { return int(int64(a.ContainerID) - int64(b.ContainerID)) })
	var out []specs.LinuxIDMapping
	for _, e := range sorted {
		if n := len(out); n > 0 && out[n-1].ContainerID+out[n-1].Size == e.ContainerID && out[n-1].HostID+out[n-1].Size == e.HostID {
			out[n-1].Size += e.Size
			continue
		}
		out = append(out, e)
	}
	return out
}

// feasible says why files cannot be given from the old ids to the new ones by the user himself.
func feasible(old, next idMap) error {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	for _, k := range []struct {
		file      string
		old, next []specs.LinuxIDMapping
	}{{"/etc/subuid", old.UIDs, next.UIDs}, {"/etc/subgid", old.GIDs, next.GIDs}} {
		if size(translate(k.old, k.next)) < size(k.old) {
			return errs.WithHint(fmt.Errorf("system migrate: %w: there are fewer ids in %s than images and containers were made with", errs.ErrState, k.file),
				fmt.Sprintf("give the new range %d ids or more", size(k.old)-1))
		}
		for _, e := range k.old {
			if !outside(e, k.next) {
				return errs.WithHint(fmt.Errorf("system migrate: %w: files belong to the ids %d-%d, which are not in %s any more, so that nobody but root can change them",
					errs.ErrState, e.HostID, e.HostID+e.Size-1, k.file),
					fmt.Sprintf("sudo sh -c 'echo %s:%d:%d >>%s', then rc system migrate, then take that line out again", name, e.HostID, e.Size, k.file))
			}
		}
		// Else a file's owner would not tell whether it has been given its new one, should we be killed.
		for _, target := range translate(k.old, k.next) {
			for _, e := range k.old {
				overlap := uint64(target.HostID) < uint64(e.HostID)+uint64(e.Size) && uint64(e.HostID) < uint64(target.HostID)+uint64(target.Size)
				same := target.HostID-target.ContainerID == e.HostID-e.ContainerID
				if overlap && !same {
					return errs.WithHint(fmt.Errorf("system migrate: %w: the ids %d-%d of %s were made use of under other numbers", errs.ErrState, target.HostID, target.HostID+target.Size-1, k.file),
						"choose a range that does not overlap the old one")
				}
			}
		}
	}
	return nil
}

// outside says whether all ids that an extent has outside are in a map.
func outside(e specs.LinuxIDMapping, m []specs.LinuxIDMapping) bool {
	covered := uint64(0)
	for _, n := range m { // extents of a map do not overlap
		from, end := max(e.HostID, n.HostID), min(uint64(e.HostID)+uint64(e.Size), uint64(n.HostID)+uint64(n.Size))
		if uint64(from) < end {
			covered += end - uint64(from)
		}
	}
	return covered == uint64(e.Size)
}

func size(m []specs.LinuxIDMapping) uint64 {
	total := uint64(0)
	for _, e := range m {
		total += uint64(e.Size)
	}
	return total
}
