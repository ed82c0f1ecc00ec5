package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/spec"
)

// Names of what is in a volume's directory.
const (
	recordFile   = "volume.json"
	dataDir      = "_data"
	unfilledFile = "unfilled"
	fillDir      = "fill"
	lockFile     = "lock"
	unpackDir    = "unpack"
	importDir    = "import"
	// making begins the name of a directory that is to become a volume.
	making = ".new-"
)

// Root is where the volumes are. Neither directory has to exist before the first Create.
type Root struct {
	Data string
	Run  string // of the journal of events
}

// Dir is the directory of a volume.
func (r Root) Dir(name string) string { return filepath.Join(r.dir(), name) }

// Path is the directory that containers see of it.
func (r Root) Path(name string) string { return filepath.Join(r.dir(), name, dataDir) }

func (r Root) dir() string { return filepath.Join(r.Data, "volumes") }

// Create makes a volume: as its record says, and to be filled by its first container or not. One
// that is there is errs.ErrExists. A durable one survives a power cut. Owners other than the
// caller need the default map.
func (r Root) Create(v spec.Volume, unfilled, durable bool) error {
	if err := spec.CheckVolumeName(v.Name); err != nil {
		return err
	}
	if v.Created.IsZero() {
		v.Created = time.Now()
	}
	if err := r.create(v, unfilled, durable); err != nil {
		return fmt.Errorf("create volume %q: %w", v.Name, err)
	}
	r.Emit("create", v.Name, v.Labels)
	return nil
}

func (r Root) create(v spec.Volume, unfilled, durable bool) error {
	if err := os.MkdirAll(r.dir(), 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(r.Dir(v.Name)); err == nil {
		return errs.ErrExists // the usual case, without writing anything
	}
	temp, err := os.MkdirTemp(r.dir(), making)
	if err != nil {
		return err
	}
	lock, err := os.Open(temp)
	if err == nil {
		err = flock(lock, unix.LOCK_EX)
		defer lock.Close()
	}
	if err == nil {
		err = write(temp, v, unfilled, durable)
	}
	if err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, r.Dir(v.Name), unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EINVAL) { // a file system without it: a directory that is not empty stays all the same
			err = unix.Rename(temp, r.Dir(v.Name))
		}
	}
	if err != nil {
		if errors.Is(err, fs.ErrExist) { // ENOTEMPTY, too
			err = errs.ErrExists
		}
		return errors.Join(err, os.RemoveAll(temp))
	}
	if durable {
		return syncDir(r.dir())
	}
	return nil
}

// write makes what is in the directory of a new volume.
func write(dir string, v spec.Volume, unfilled, durable bool) error {
	data := filepath.Join(dir, dataDir)
	if err := os.Mkdir(data, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(data, 0o755); err != nil { // whatever the umask is
		return err
	}
	if unfilled {
		if err := os.WriteFile(filepath.Join(dir, unfilledFile), nil, 0o600); err != nil {
			return err
		}
	}
	if err := chownTop(data, v); err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, recordFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil && durable {
		err = syncDir(dir)
	}
	return err
}

// chownTop gives the directory to the owner that was asked for, where there is one and the
// caller may: outside of the default map it is left to the first container.
func chownTop(data string, v spec.Volume) error {
	if v.UID == nil && v.GID == nil || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(data, id(v.UID), id(v.GID))
}

// id is -1, which changes nothing, where none was asked for.
func id(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

// Load reads the record of a volume; errs.ErrNotFound where there is none.
func (r Root) Load(name string) (*spec.Volume, error) {
	if err := spec.CheckVolumeName(name); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(r.Dir(name), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Lstat(r.Dir(name)); statErr != nil {
			return nil, fmt.Errorf("volume %q: %w", name, errs.ErrNotFound)
		}
	}
	v := &spec.Volume{}
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err == nil && v.Name != name {
		err = fmt.Errorf("it says that it is of %q", v.Name)
	}
	if err != nil {
		return nil, &BrokenError{Name: name, Err: err}
	}
	return v, nil
}

// BrokenError says that a volume's record cannot be read. The files may be well.
type BrokenError struct {
	Name string
	Err  error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("volume %q: broken record: %v", e.Name, e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// Names are the volumes that there are, sorted; records are not read.
func (r Root) Names() ([]string, error) {
	entries, err := os.ReadDir(r.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() && spec.CheckVolumeName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// List is every volume, sorted by name. A broken record is an error of its own and hides no
// other volume.
func (r Root) List() ([]spec.Volume, []error) {
	names, err := r.Names()
	if err != nil {
		return nil, []error{fmt.Errorf("list volumes: %w", err)}
	}
	volumes := make([]spec.Volume, 0, len(names))
	var broken []error
	for _, name := range names {
		v, err := r.Load(name)
		switch {
		case errors.Is(err, errs.ErrNotFound): // just removed
		case err != nil:
			broken = append(broken, err)
		default:
			volumes = append(volumes, *v)
		}
	}
	return volumes, broken
}

// Find is the name of a volume from the beginning of it that no other has: podman's rule.
func (r Root) Find(name string) (string, error) {
	if err := spec.CheckVolumeName(name); err != nil {
		return "", err
	}
	if _, err := os.Lstat(r.Dir(name)); err == nil {
		return name, nil
	}
	names, err := r.Names()
	if err != nil {
		return "", fmt.Errorf("find volume %q: %w", name, err)
	}
	var found []string
	for _, n := range names {
		if strings.HasPrefix(n, name) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		return "", errs.WithHint(spec.NotFound("volume", name, names), "rc volume ls")
	case 1:
		return found[0], nil
	}
	return "", errs.Invalidf("volume %q: %d names begin with it: %s", name, len(found), strings.Join(found[:min(len(found), 5)], ", "))
}

// Hold keeps a volume from being removed until the file is closed. Where there is none, create
// is called, which gives errs.ErrExists where another one was sooner. The boolean says that it made the volume.
func (r Root) Hold(name string, create func() error) (*os.File, bool, error) {
	made := false
	for {
		f, err := r.lock(name, unix.LOCK_SH)
		if !errors.Is(err, errs.ErrNotFound) {
			return f, made, err
		}
		err = create()
		if err != nil && !errors.Is(err, errs.ErrExists) {
			return nil, false, err
		}
		made = err == nil
	}
}

// lock opens and flocks a volume's directory.
func (r Root) lock(name string, how int) (*os.File, error) {
	for {
		f, err := os.Open(r.Dir(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("volume %q: %w", name, errs.ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		if err := flock(f, how); err != nil {
			f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, fmt.Errorf("volume %q: %w: a container with it is being made", name, errs.ErrInUse)
			}
			return nil, fmt.Errorf("lock %q: %w", r.Dir(name), err)
		}
		if samePlace(f, r.Dir(name)) {
			return f, nil
		}
		f.Close() // removed, and perhaps made anew, between the two
	}
}

// Remove takes a volume away, unless unused, which is asked while nobody can begin to use it,
// gives an error. The files wait in trash/ to be deleted in the default map: the result is
// where. A broken record is no obstacle.
func (r Root) Remove(name string, unused func() error) (string, error) {
	if err := spec.CheckVolumeName(name); err != nil {
		return "", err
	}
	lock, err := r.lock(name, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unused(); err != nil {
		return "", err
	}
	var labels map[string]string
	if v, err := r.Load(name); err == nil {
		labels = v.Labels
	}
	trash := filepath.Join(r.Data, "trash")
	if err := os.MkdirAll(trash, 0o700); err != nil {
		return "", fmt.Errorf("remove volume %q: %w", name, err)
	}
	// The name need not be told there, and may be as long as a file's can be.
	target := filepath.Join(trash, "volume-"+strconv.FormatInt(time.Now().UnixNano(), 36)+"-"+name[:min(len(name), 64)])
	if err := os.Rename(r.Dir(name), target); err != nil {
		return "", fmt.Errorf("remove volume %q: %w", name, err)
	}
	r.Emit("remove", name, labels)
	return target, nil
}

// Emit notes an event of a volume. That it cannot be noted is no reason to do anything else.
func (r Root) Emit(status, name string, attributes map[string]string) {
	if r.Run != "" {
		_ = events.Append(r.Run, events.Event{Type: events.Volume, Status: status, Name: name, Attributes: attributes})
	}
}
