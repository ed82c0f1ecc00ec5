package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
)

// Sharing of a cache mount.
const (
	Shared  = "shared"
	Private = "private"
	Locked  = "locked"
)

// CacheMount is a RUN --mount=type=cache.
type CacheMount struct {
	ID string `json:"id"`
	// From stands for the files that it begins with, "" for none.
	From string `json:"from,omitempty"`
	UID  uint32 `json:"uid,omitempty"`
	GID  uint32 `json:"gid,omitempty"`
	Mode uint32 `json:"mode"`
}

// Mounted is a cache mount in use. Release it.
type Mounted struct {
	// Data is the directory that is mounted.
	Data string
	lock *index.Lock
}

// Release gives it back.
func (m *Mounted) Release() { m.lock.Release() }

func mountDir(cfg *config.Config) string { return filepath.Join(Dir(cfg), "mounts") }

// Open makes a cache mount's directory, where there is none, and takes it: with Locked as its only user, with Shared
// beside others, with Private another one if somebody has it. waits is called before it has to wait. fill puts the
// files that it begins with into a new directory; nil leaves that empty.
func (m CacheMount) Open(ctx context.Context, cfg *config.Config, sharing string, waits func(), fill func(dir string) error) (*Mounted, error) {
	for n := 0; ; n++ {
		dir := filepath.Join(mountDir(cfg), m.hash(n))
		lock, err := m.take(ctx, dir, sharing, waits)
		if errors.Is(err, index.ErrLocked) {
			continue // the next private one
		}
		if err == nil {
			err = m.ready(ctx, dir, lock, sharing, fill)
		}
		switch {
		case errors.Is(err, errPruned):
			n--
		case err != nil:
			lock.Release()
			return nil, fmt.Errorf("cache mount %q: %w", m.ID, err)
		default:
			return &Mounted{Data: filepath.Join(dir, "data"), lock: lock}, nil
		}
		lock.Release()
	}
}

// Name is the name of its directory: whoever takes several does so in their order.
func (m CacheMount) Name() string { return m.hash(0) }

// hash names the directory; the first one is n 0, more are for Private.
func (m CacheMount) hash(n int) string {
	data, _ := json.Marshal(m) //nolint:errchkjson // text and numbers
	h := sha256.New()
	fmt.Fprintf(h, "%s %d", data, n)
	return hex.EncodeToString(h.Sum(nil))
}

// take locks the directory.
func (m CacheMount) take(ctx context.Context, dir, sharing string, waits func()) (*index.Lock, error) {
	how := unix.LOCK_EX
	if sharing == Shared || sharing == "" {
		how = unix.LOCK_SH
	}
	lock, err := index.Flock(ctx, filepath.Join(dir, "lock"), how|unix.LOCK_NB)
	if !errors.Is(err, index.ErrLocked) || sharing == Private {
		return lock, err
	}
	if waits != nil {
		waits()
	}
	return index.Flock(ctx, filepath.Join(dir, "lock"), how)
}

// errPruned says that the directory was deleted between its creation and the lock.
var errPruned = errors.New("pruned meanwhile")

// ready makes what is missing of a directory that we have locked.
func (m CacheMount) ready(ctx context.Context, dir string, lock *index.Lock, sharing string, fill func(string) error) error {
	if !lock.Named() {
		return errPruned
	}
	info := filepath.Join(dir, infoFile)
	if used(info) {
		return nil
	}
	making, err := index.Flock(ctx, filepath.Join(dir, "making"), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer making.Release()
	if used(info) {
		return nil // another one was faster
	}
	// What is there was begun by a process that has been killed.
	data := filepath.Join(dir, "data")
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if fill != nil {
		err = fill(data)
	}
	if err == nil {
		err = m.own(data)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(mountInfo{CacheMount: m, Sharing: sharing, Created: time.Now().UTC(), Uses: 1})
	if err != nil {
		return err
	}
	return linux.ReplaceFile(info, text)
}

// infoFile is there when the directory is ready.
const infoFile = "info.json"

// used notes that the directory is used once more, if it is ready.
func used(info string) bool {
	data, err := os.ReadFile(info)
	if err != nil {
		return false
	}
	var i mountInfo
	if json.Unmarshal(data, &i) != nil {
		return true
	}
	i.Uses++
	if data, err = json.Marshal(i); err == nil {
		_ = linux.ReplaceFile(info, data) // how often is not worth an error
	}
	return true
}

// own makes the directory, if fill has not, and gives it its owner and mode.
func (m CacheMount) own(data string) error {
	if err := os.Mkdir(data, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Chown(data, int(m.UID), int(m.GID)); err != nil {
		return err
	}
	return unix.Chmod(data, m.Mode)
}

// mountInfo is what info.json says.
type mountInfo struct {
	CacheMount
	Sharing string    `json:"sharing,omitempty"`
	Created time.Time `json:"created"`
	Uses    int       `json:"uses,omitempty"`
}
