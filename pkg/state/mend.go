package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

func (c *checker) sweep(id string) error {
	_, err := c.root.SweepContainer(id)
	return err
}

// discard removes a container whose record nobody can read.
func (c *checker) discard(id string) error {
	err := c.root.Remove(id)
	if errors.Is(err, errs.ErrNotFound) {
		return nil
	}
	return err
}

func (r Root) rewriteSummary(id string) error {
	return r.rewriting(id, func() error {
		record, err := r.Load(id)
		if err != nil {
			return err
		}
		if err := writeRecord(filepath.Join(r.Dir(id), summaryFile), r.summary(record), true); err != nil {
			return err
		}
		return syncDir(r.Dir(id))
	})
}

// mendExit writes what is true of a container that nothing else is known of: it has ended, or
// will have when its shim is killed.
func (r Root) mendExit(id string) error {
	exit := spec.Exit{Code: lostCode, Error: "the record of its end was lost"}
	state, alive, err := r.shimOf(id)
	if err != nil {
		return err
	}
	if state != nil {
		exit.Started, exit.PID, exit.Restarts = state.Started, state.PID, state.Restarts
	}
	if !alive {
		exit.Finished = time.Now()
	}
	if _, err := readFields[spec.Exit](filepath.Join(r.Dir(id), exitFile)); err == nil {
		return nil // its shim has written it meanwhile
	}
	return r.WriteExit(id, &exit)
}

// mendState takes the record of a run away whose shim does not live.
func (r Root) mendState(id string) error {
	if r.answers(id) {
		return errors.New("its shim lives, and only it could be asked: rc cannot stop it without the record; find it with ps and kill it")
	}
	if err := os.Remove(filepath.Join(r.RunDir(id), stateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// That it ran is known.
	if exit, err := readFields[spec.Exit](filepath.Join(r.Dir(id), exitFile)); err == nil && (exit == nil || exit.Finished.IsZero()) && r.recorded(id) {
		if err := r.WriteExit(id, &spec.Exit{Code: lostCode, Error: "shim lost", Finished: time.Now()}); err != nil {
			return err
		}
	}
	return r.dropRuntime(id)
}

// answers says whether a shim listens in a container's runtime directory.
func (r Root) answers(id string) bool {
	dir, err := os.OpenFile(r.RunDir(id), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer dir.Close()
	sock, err := linux.Dial(dir, controlSocket)
	if err != nil {
		return false
	}
	sock.Close()
	return true
}

// controlSocket is the shim's.
const controlSocket = "ctl.sock"

// dropRuntime removes the runtime directory of a container that does not run.
func (r Root) dropRuntime(id string) error {
	if missing(r.Dir(id)) {
		return os.RemoveAll(r.RunDir(id))
	}
	hold, err := r.Hold(id)
	if errors.Is(err, errs.ErrInUse) {
		return fmt.Errorf("somebody is starting it: %w", err)
	}
	if err != nil {
		return err
	}
	defer hold.Close()
	if state, err := r.State(id); err != nil || state != nil {
		return err // it was started meanwhile
	}
	return os.RemoveAll(r.RunDir(id))
}

// renaming says whether somebody is rewriting a container's record.
func (r Root) renaming(id string) bool {
	lock, err := os.Open(filepath.Join(r.Dir(id), lockFile))
	if err != nil {
		return false
	}
	defer lock.Close()
	return errors.Is(flock(lock, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// relink makes the name on a container's record, and no other one, lead to it. Where that name
// has become another's, it takes one that it has, or a new one.
func (r Root) relink(id string) error {
	return r.rewriting(id, func() error {
		record, err := r.Load(id)
		if err != nil {
			return err
		}
		names, err := r.namesOf(id)
		if err != nil {
			return err
		}
		if !slices.Contains(names, record.Name) {
			err := r.reclaim(record.Name, id)
			if errors.Is(err, errs.ErrExists) {
				err = r.rechristen(record, names)
			}
			if err != nil {
				return err
			}
		}
		if err := r.unnameOthers(id, record.Name); err != nil {
			return err
		}
		return syncDir(r.namesDir())
	})
}

// reclaim reserves a name, also where it leads to a container of another name.
func (r Root) reclaim(name, id string) error {
	err := r.reserve(name, id)
	if !errors.Is(err, errs.ErrExists) {
		return err
	}
	other := r.named(name)
	if c, loadErr := r.Load(other); loadErr != nil || c.Name == name || r.renaming(other) {
		return err
	}
	err = r.lockNames(func() error {
		if r.named(name) != other {
			return nil // somebody put it right
		}
		return os.Remove(r.NamePath(name))
	})
	if err != nil {
		return err
	}
	return r.reserve(name, id)
}

// rechristen gives a container one of the names that lead to it, or one made of its name and id.
func (r Root) rechristen(record *spec.Container, names []string) error {
	if len(names) > 0 {
		record.Name = names[0]
		return r.record(record)
	}
	suffix := "-" + record.ID[:8]
	record.Name = record.Name[:min(len(record.Name), maxName-len(suffix))] + suffix
	if err := r.reserve(record.Name, record.ID); err != nil {
		return err
	}
	return r.record(record)
}
