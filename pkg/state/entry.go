package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/record"
	"github.com/rc-containers/rc/pkg/spec"
)

// Statuses of a container, as docker and podman call them.
const (
	Created     = "created"
	Initialized = spec.Initialized
	Running     = "running"
	Paused      = "paused"
	Restarting  = spec.Restarting
	Exited      = "exited"
)

// lostCode is the exit code of a container whose shim was killed: 128 + SIGKILL.
const lostCode = errs.CodeSignal + 9

// Entry is what is known of a container without waiting for anybody.
type Entry struct {
	spec.Summary
	// State is there while the container runs, and after its shim was killed.
	State *spec.State
	// Exit is how the container ended; its last end, where it runs again.
	Exit *spec.Exit
	// Status is one of the constants above.
	Status string
	// Lost says that the shim went without a word: killed, or by a power cut. Exit then has
	// code 137.
	Lost bool
	// Health is there while a container with a healthcheck runs.
	Health *spec.HealthState
	// Published are the ports that are published, with the numbers that were left to rc, while
	// the container runs.
	Published []spec.Port
	// Starting says that the container is still in the hands of its creator.
	Starting bool
}

// List is every container, oldest first. A broken record is an error of its own and
// hides no other container.
func (r Root) List() ([]Entry, []error) {
	ids, err := idsIn(r.containersDir())
	if err != nil {
		return nil, []error{fmt.Errorf("list containers: %w", err)}
	}
	// Only these can have a state: one call for all of them.
	running, err := idsIn(r.runsDir())
	if err != nil {
		return nil, []error{fmt.Errorf("list containers: %w", err)}
	}
	found, problems := make([]*Entry, len(ids)), make([]error, len(ids))
	each(len(ids), func(i int) {
		_, runs := slices.BinarySearch(running, ids[i])
		found[i], problems[i] = r.entryOf(ids[i], runs)
	})
	var entries []Entry
	var broken []error
	for i, e := range found {
		switch err := problems[i]; {
		case errors.Is(err, errs.ErrNotFound):
			// Being created, just removed, or swept at the next occasion.
		case err != nil:
			broken = append(broken, err)
		default:
			entries = append(entries, *e)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return entries, broken
}

// entry reads one container's records. What is no container gives errs.ErrNotFound.
func (r Root) entry(id string) (*Entry, error) { return r.entryOf(id, true) }

// entryOf does not look for a state where there is no runtime directory.
func (r Root) entryOf(id string, runs bool) (*Entry, error) {
	e := &Entry{}
	if err := r.readSummary(id, &e.Summary); err != nil {
		return nil, err
	}
	var err error
	if runs {
		if e.State, err = readFields[spec.State](filepath.Join(r.RunDir(id), stateFile)); err != nil {
			return nil, r.broken(id, err)
		}
	}
	exitPath := filepath.Join(r.Dir(id), exitFile)
	if e.Exit, err = readFields[spec.Exit](exitPath); err != nil {
		// A power cut can leave an empty file: the container was running then.
		if info, statErr := os.Lstat(exitPath); statErr != nil || info.Size() > 0 {
			return nil, r.broken(id, err)
		}
		e.Exit = &spec.Exit{Code: lostCode}
	}
	if e.Summary.Health && e.State != nil {
		// What cannot be read is of a check that has not been made yet.
		e.Health, _ = readRecord[spec.HealthState](filepath.Join(r.RunDir(id), healthFile))
	}
	if len(e.Ports) > 0 && e.State != nil {
		e.Published = r.Network(id).Link.Ports
	}
	e.judge(func() bool { return r.held(id) }, func() bool { return r.wasMounted(id) })
	if e.Lost && !runs {
		return r.entry(id) // it was started since somebody looked for the runtime directory
	}
	if e.Remove && e.Status == Exited {
		return nil, fmt.Errorf("container %q: %w", e.Name, errs.ErrNotFound)
	}
	return e, nil
}

// judge makes the status of the records.
func (e *Entry) judge(held, wasMounted func() bool) {
	alive := e.State != nil && linux.Alive(e.State.ShimPID, e.State.ShimStart)
	// The clock may have been set back meanwhile: only that both are of one life counts.
	ended := e.Exit != nil && !e.Exit.Finished.IsZero() && (e.State == nil || e.Exit.Started.Equal(e.State.Started))
	switch {
	case alive && e.State.Phase != "":
		e.Status = e.State.Phase
		if e.Status == Restarting && !ended {
			e.Exit = nil // of the life before: this one's follows
		}
		return
	case ended: // perhaps the shim is still unmounting
		e.Status = Exited
		return
	case alive:
		e.Status = Running
		if e.State.Cgroup != "" && frozen(e.State.Cgroup) {
			e.Status = Paused
		}
		if e.Exit != nil && e.Exit.Finished.IsZero() {
			e.Exit = nil // only what would be true if the shim were killed
		}
		return
	case e.State == nil && e.Exit == nil:
		e.Starting = held()
		if e.Starting || !wasMounted() {
			e.Status = Created
			return
		}
	}
	e.Status, e.Lost = Exited, true
	exit := spec.Exit{Code: lostCode, Error: "shim lost"}
	if e.State != nil {
		exit.Started, exit.PID, exit.Restarts = e.State.Started, e.State.PID, e.State.Restarts
	} else if e.Exit != nil {
		exit.Started, exit.PID = e.Exit.Started, e.Exit.PID
	}
	e.Exit = &exit
}

// Alive says whether a shim looks after the container: it runs, is paused, waits for its
// start, or for its next life.
func (e *Entry) Alive() bool {
	switch e.Status {
	case Running, Paused, Initialized, Restarting:
		return true
	}
	return false
}

// frozen asks the kernel whether a container is paused.
func frozen(cgroup string) bool {
	data, err := os.ReadFile(filepath.Join(cgroup, "cgroup.freeze"))
	return err == nil && len(data) > 0 && data[0] == '1'
}

// wasMounted says whether the container's root filesystem was ever mounted: overlayfs and
// fuse-overlayfs make a directory of their own in work.
func (r Root) wasMounted(id string) bool { return !missing(filepath.Join(r.Dir(id), "work", "work")) }

// readSummary reads summary.json, or container.json where a crash was between the two.
func (r Root) readSummary(id string, s *spec.Summary) error {
	got, err := readFields[spec.Summary](filepath.Join(r.Dir(id), summaryFile))
	if err == nil && got != nil && got.ID == id {
		*s = *got
		return nil
	}
	c, loadErr := r.Load(id)
	if loadErr != nil {
		if errors.Is(loadErr, errs.ErrNotFound) || !r.recorded(id) {
			return fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
		}
		return r.broken(id, errors.Join(err, loadErr))
	}
	*s = *r.summary(c)
	return nil
}

func (r Root) broken(id string, err error) error {
	return errs.WithHint(&BrokenError{ID: id, Err: err}, "rc rm -f "+id[:12])
}

// BrokenError says that a container's record cannot be read.
type BrokenError struct {
	ID  string
	Err error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("container %s: broken record: %v", e.ID[:12], e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// Load reads a container's full record; errs.ErrNotFound where there is none.
func (r Root) Load(id string) (*spec.Container, error) {
	c, err := readRecord[spec.Container](filepath.Join(r.Dir(id), containerFile))
	switch {
	case err != nil:
		return nil, err
	case c == nil:
		return nil, fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	case c.ID != id:
		return nil, fmt.Errorf("%q: id is %q", filepath.Join(r.Dir(id), containerFile), c.ID)
	}
	return c, nil
}

// LoadProcess reads as much of a container's record as a process that joins it has to know.
func (r Root) LoadProcess(id string) (*spec.Inside, error) {
	path := filepath.Join(r.Dir(id), containerFile)
	c, err := readFields[spec.Inside](path)
	switch {
	case err != nil:
		return nil, err
	case c == nil:
		return nil, fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	case c.ID != id || c.Process == nil:
		return nil, fmt.Errorf("%q: broken record", path)
	}
	return c, nil
}

// readRecord reads a JSON file; nil where there is none.
func readRecord[T any](path string) (*T, error) {
	return decodeFile(path, func(data []byte, v *T) error { return json.Unmarshal(data, v) })
}

// readFields is readRecord for what nearly every call reads: see package record.
func readFields[T any, P interface {
	*T
	Read(r *record.Reader, key string)
}](path string) (*T, error) {
	return decodeFile(path, func(data []byte, v *T) error { return record.Read(data, P(v).Read) })
}

func decodeFile[T any](path string, decode func([]byte, *T) error) (*T, error) {
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var v T
	if err := decode(data, &v); err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return &v, nil
}

// State reads what the shim of a container wrote when it started; nil where none runs. Whether
// it still does is for the caller to find out.
func (r Root) State(id string) (*spec.State, error) {
	return readFields[spec.State](filepath.Join(r.RunDir(id), stateFile))
}

// Find is the container of a name, an id, or the beginning of an id that no other id has.
// A name is preferred to an id. errs.ErrNotFound, errs.ErrInvalid (several match).
func (r Root) Find(nameOrID string) (*Entry, error) {
	id, err := r.FindID(nameOrID)
	if err != nil {
		return nil, err
	}
	e, err := r.entry(id)
	if errors.Is(err, errs.ErrNotFound) {
		return nil, fmt.Errorf("container %q: %w", nameOrID, errs.ErrNotFound)
	}
	return e, err
}

// FindID is like Find for containers whose records may be broken.
func (r Root) FindID(nameOrID string) (string, error) {
	if CheckName(nameOrID) == nil {
		if id := r.named(nameOrID); isID(id) && r.recorded(id) {
			return id, nil
		}
	}
	switch {
	case !isHex(nameOrID):
		return "", r.notFound(nameOrID)
	case !isID(nameOrID):
	case missing(filepath.Join(r.Dir(nameOrID), containerFile)):
		return "", r.notFound(nameOrID)
	default:
		return nameOrID, nil // no need to look at all the others
	}
	dirs, err := os.ReadDir(r.containersDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("find container %q: %w", nameOrID, err)
	}
	var ids []string
	for _, d := range dirs {
		if isID(d.Name()) && strings.HasPrefix(d.Name(), nameOrID) && r.recorded(d.Name()) {
			ids = append(ids, d.Name())
		}
	}
	switch len(ids) {
	case 0:
		return "", r.notFound(nameOrID)
	case 1:
		return ids[0], nil
	}
	var short []string
	for _, id := range ids[:min(len(ids), 5)] {
		short = append(short, id[:min(len(nameOrID)+4, idLength)])
	}
	return "", errs.Invalidf("container id %q: %d ids begin with it: %s", nameOrID, len(ids), strings.Join(short, ", "))
}

func (r Root) notFound(nameOrID string) error {
	names, _ := r.Names()
	return errs.WithHint(spec.NotFound("container", nameOrID, names), "rc ps -a")
}
