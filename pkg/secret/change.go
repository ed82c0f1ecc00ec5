package secret

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// CreateOptions say what Create makes of data.
type CreateOptions struct {
	Labels map[string]string
	// Replace puts the new secret in the place of one that has the name.
	Replace bool
}

// Create makes a secret. A name that is taken gives errs.ErrExists, unless it is replaced: the
// secret then has another id, as in podman, and the time of its creation stays.
func (s Store) Create(name string, data []byte, o CreateOptions) (*Secret, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if len(data) == 0 || len(data) >= MaxSize {
		return nil, errs.Invalidf("secret %q: %d bytes: want more than 0, and less than %d", name, len(data), MaxSize)
	}
	made, err := s.create(name, data, o)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, errs.WithHint(fmt.Errorf("secret %q: %w", name, errs.ErrExists), "rc secret create --replace "+name+" …, or rc secret rm "+name)
	case err != nil:
		return nil, fmt.Errorf("create secret %q: %w", name, err)
	}
	return made, nil
}

func (s Store) create(name string, data []byte, o CreateOptions) (*Secret, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	s.Sweep()
	now := time.Now()
	made := &Secret{Name: name, Created: now, Updated: now, Labels: o.Labels}
	var err error
	if made.ID, err = newID(); err != nil {
		return nil, err
	}
	if !o.Replace {
		if _, err := os.Lstat(s.path(name)); err == nil {
			return nil, fs.ErrExist // without writing first
		}
	} else if old, err := s.read(name); err == nil {
		made.Created = old.Created
	}
	tmp, lock, err := s.begin()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := made.write(tmp, data); err != nil {
		return nil, errors.Join(err, os.RemoveAll(tmp))
	}
	err = unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, s.path(name), unix.RENAME_NOREPLACE)
	for errors.Is(err, fs.ErrExist) && o.Replace {
		// The old one is in tmp then.
		err = unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, s.path(name), unix.RENAME_EXCHANGE)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			err = unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, s.path(name), unix.RENAME_NOREPLACE)
		}
	}
	return made, errors.Join(err, os.RemoveAll(tmp), s.sync())
}

// begin makes a directory for a secret that is not one yet, and holds its flock.
func (s Store) begin() (string, *os.File, error) {
	for {
		tmp, err := os.MkdirTemp(s.Dir, unfinished)
		if err != nil {
			return "", nil, err
		}
		lock, err := os.Open(tmp)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a sweep came between
		}
		if err != nil {
			return "", nil, err
		}
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			if _, err := os.Lstat(tmp); err == nil {
				return tmp, lock, nil
			}
		}
		lock.Close()
	}
}

// write writes the files of a secret into its directory.
func (made *Secret) write(dir string, data []byte) error {
	record, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return errors.Join(writeFile(filepath.Join(dir, dataFile), data), writeFile(filepath.Join(dir, recordFile), record), syncDir(dir))
}

// Remove removes the secret with a name, or an id or its beginning, and returns what it was. One
// whose record is broken goes by its name.
func (s Store) Remove(nameOrID string) (*Secret, error) {
	found, err := s.Find(nameOrID)
	if err != nil {
		if _, there := os.Lstat(filepath.Join(s.Dir, entryNameOrNone(nameOrID))); there != nil {
			return nil, err
		}
		found = &Secret{Name: nameOrID}
	}
	s.Sweep()
	tmp, lock, err := s.begin()
	if err != nil {
		return nil, fmt.Errorf("remove secret %q: %w", found.Name, err)
	}
	defer lock.Close()
	err = os.Rename(s.path(found.Name), filepath.Join(tmp, dataFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = errs.ErrNotFound // somebody else was faster
	}
	if err = errors.Join(err, os.RemoveAll(tmp), s.sync()); err != nil {
		return nil, fmt.Errorf("remove secret %q: %w", found.Name, err)
	}
	return found, nil
}

// entryNameOrNone is a name that no secret has for what cannot be one.
func entryNameOrNone(name string) string {
	if CheckName(name) != nil {
		return unfinished
	}
	return entryName(name)
}

// Leftovers are the directories that killed calls have left.
func (s Store) Leftovers() []string {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return nil
	}
	var left []string
	for _, e := range entries {
		if path := filepath.Join(s.Dir, e.Name()); strings.HasPrefix(e.Name(), unfinished) && abandoned(path) {
			left = append(left, path)
		}
	}
	return left
}

// Sweep takes them away. What it cannot is no concern of the caller's.
func (s Store) Sweep() {
	for _, path := range s.Leftovers() {
		_ = os.RemoveAll(path)
	}
}

// young is how long a directory may be there without a flock: between two system calls.
const young = time.Second

// abandoned says whether nobody works on an unfinished secret.
func abandoned(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && time.Since(info.ModTime()) > young && unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

func (s Store) sync() error { return syncDir(s.Dir) }

// syncDir makes what was renamed in a directory survive a power cut.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// newID is a random id: 25 hex digits, as podman's.
func newID() (string, error) {
	var b [13]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("secret id: %w", err)
	}
	return hex.EncodeToString(b[:])[:25], nil
}
