package state

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// Swept is what Sweep found of a container whose shim was killed.
type Swept struct {
	ID    string
	State spec.State // its cgroup is the caller's to remove
	// Removed says that it was a container with Remove, which is in trash/ now.
	Removed bool
	// Volumes are those that were made for a container with Remove, and go with it.
	Volumes []string
}

// Sweep takes away what killed processes left: unfinished creations, runtime directories of
// dead shims, containers with Remove whose shim is dead. It looks at the runtime directory
// only, so that its cost is that of what runs, not of what exists; but for the first call
// after a boot, which looks at everything. Of more than most containers (0 is no limit) it
// looks at some, others each time. What it takes away goes to trash/.
func (r Root) Sweep(most int) ([]Swept, error) {
	dirs, err := os.ReadDir(r.runsDir())
	if errors.Is(err, fs.ErrNotExist) {
		swept, err := r.SweepAll()
		// From here on the runtime directory tells.
		return swept, errors.Join(err, os.MkdirAll(r.runsDir(), 0o700))
	}
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	if most > 0 && len(dirs) > most {
		rand.Shuffle(len(dirs), func(i, j int) { dirs[i], dirs[j] = dirs[j], dirs[i] })
		dirs = dirs[:most]
	}
	return r.sweep(dirs)
}

// SweepAll is Sweep over every container and every name.
func (r Root) SweepAll() ([]Swept, error) {
	var swept []Swept
	var all error
	for _, path := range []string{r.runsDir(), r.containersDir()} {
		dirs, err := os.ReadDir(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, fmt.Errorf("sweep: %w", err))
			continue
		}
		s, err := r.sweep(dirs)
		swept, all = append(swept, s...), errors.Join(all, err)
	}
	links, err := os.ReadDir(r.namesDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		all = errors.Join(all, fmt.Errorf("sweep: %w", err))
	}
	for _, l := range links {
		if _, err := r.freeName(l.Name()); err != nil {
			all = errors.Join(all, fmt.Errorf("sweep: %w", err))
		}
	}
	return swept, all
}

func (r Root) sweep(dirs []os.DirEntry) ([]Swept, error) {
	var swept []Swept
	var all error
	for _, d := range dirs {
		if !isID(d.Name()) {
			continue
		}
		s, err := r.sweepOne(d.Name())
		if s != nil {
			swept = append(swept, *s)
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("sweep container %s: %w", d.Name()[:12], err))
		}
	}
	return swept, all
}

// SweepContainer is Sweep for one container, whose shim has just been killed for instance. It
// is nil for one that needs nothing.
func (r Root) SweepContainer(id string) (*Swept, error) {
	s, err := r.sweepOne(id)
	if err != nil {
		return s, fmt.Errorf("sweep container %s: %w", id[:12], err)
	}
	return s, nil
}

// sweepOne is quick about what lives: one file read, one stat of the shim.
func (r Root) sweepOne(id string) (*Swept, error) {
	state, alive, err := r.shimOf(id)
	if err != nil || alive {
		return nil, err
	}
	// Whoever has the lock makes the container, or sweeps it.
	lock, err := os.Open(r.Dir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return r.sweepTrashed(id, state)
	}
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := flock(lock, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil // a living creator cleans up by itself
		}
		return nil, err
	}
	if !samePlace(lock, r.Dir(id)) {
		return nil, nil
	}
	// Its creator may have had the lock until a moment ago: what was read before is of then.
	if state, alive, err = r.shimOf(id); err != nil || alive {
		return nil, err
	}
	return r.sweepLocked(id, state)
}

// shimOf reads who looks after a container, and says whether he lives; nil is nobody so far.
func (r Root) shimOf(id string) (state *spec.State, alive bool, err error) {
	state, err = r.State(id)
	return state, state != nil && linux.Alive(state.ShimPID, state.ShimStart), err
}

// fresh is how long an empty runtime directory may wait for its creator's next step.
const fresh = time.Second

// sweepUnmade takes away a directory without a record. Its creator may be alive after all,
// between making and locking it: he makes both directories again when he finds this one
// gone, so the runtime directory must not go right after it. Nor may it go before: whoever is killed
// in between would leave what no sweep finds.
func (r Root) sweepUnmade(id string) error {
	if err := errors.Join(r.LeaveNetworks(id), r.unname(id, "")); err != nil {
		return err
	}
	if err := r.trash(r.Dir(id), id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.sweepRunDir(id, nil)
}

// sweepTrashed finishes what a shim did not that was killed after it had moved its container to trash/.
func (r Root) sweepTrashed(id string, state *spec.State) (*Swept, error) {
	if state == nil {
		return nil, r.sweepRunDir(id, nil)
	}
	swept := &Swept{ID: id, State: *state}
	if c, err := readRecord[spec.Container](filepath.Join(r.TrashDir(), id, containerFile)); err == nil && c != nil && c.Remove {
		swept.Removed, swept.Volumes = true, AnonymousVolumes(c)
	}
	// The runtime directory, which leads here, goes last.
	if err := errors.Join(r.unname(id, ""), r.LeaveNetworks(id)); err != nil {
		return swept, err
	}
	return swept, r.sweepRunDir(id, state)
}

// sweepRunDir removes a runtime directory without a container: what is left of a removal,
// or, where it is empty and new, the first step of a creation.
func (r Root) sweepRunDir(id string, state *spec.State) error {
	dir := r.RunDir(id)
	if state == nil {
		info, err := os.Lstat(dir)
		if err != nil || time.Since(info.ModTime()) < fresh {
			return nil //nolint:nilerr // it has gone
		}
	}
	return os.RemoveAll(dir)
}

// sweepLocked takes away what is left of a container whose shim and creator are dead.
func (r Root) sweepLocked(id string, state *spec.State) (*Swept, error) {
	swept := &Swept{ID: id}
	if state != nil {
		swept.State = *state
	}
	if !r.recorded(id) {
		return swept, r.sweepUnmade(id)
	}
	var s spec.Summary
	if err := r.readSummary(id, &s); err != nil {
		return nil, err
	}
	if s.Remove {
		swept.Removed = true
		if c, err := r.Load(id); err == nil {
			swept.Volumes = AnonymousVolumes(c)
		}
		return swept, r.remove(id, s.Name)
	}
	e, err := r.entry(id)
	if err != nil {
		return nil, err
	}
	if e.Status != Exited {
		return nil, nil // created, and waiting to be started
	}
	if e.Lost {
		e.Exit.Finished, e.Exit.Stopped = time.Now(), r.StopMarked(id)
		if err := r.WriteExit(id, e.Exit); err != nil {
			return nil, err
		}
	}
	if state == nil {
		swept = nil
	}
	return swept, errors.Join(os.RemoveAll(r.RunDir(id)), r.LeaveNetworks(id))
}
