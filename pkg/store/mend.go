package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
)

// The library reads each of its lists whole, and nothing at all where one is damaged: a power cut, a bad disk or
// an editor would take all images away at once. So rc keeps a copy of those that matter in
// storage/saved/, written together with the index, and puts it in the place of a damaged list. What the
// copy does not know yet are layers without a record: the next pull has them again.

// lists are the library's, below the store's root. Without a copy: rc has nothing in them.
var lists = [...]struct {
	path string
	copy bool
}{
	{"overlay-images/images.json", true},
	{"overlay-layers/layers.json", true},
	{"overlay-layers/volatile-layers.json", false},
	{"overlay-containers/containers.json", false},
	{"overlay-containers/volatile-containers.json", false},
}

func (s *Store) list(path string) string { return filepath.Join(s.cfg.StorageRoot(), path) }

func (s *Store) saved(path string) string {
	return filepath.Join(s.cfg.StorageRoot(), "saved", filepath.Base(path))
}

// keep copies the lists.
func (s *Store) keep() error {
	for _, l := range lists {
		if !l.copy {
			continue
		}
		data, err := os.ReadFile(s.list(l.path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // nothing has been in it yet
		}
		if err == nil {
			err = saveList(s.saved(l.path), data)
		}
		if err != nil {
			return fmt.Errorf("save %s: %w", filepath.Base(l.path), err)
		}
	}
	return nil
}

// saveList writes a copy where it is not the same already, and never one of a damaged list.
func saveList(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) || !json.Valid(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return linux.ReplaceFile(path, data)
}

// mend replaces damaged lists, and says so. Unless it is thorough it only notices those that end too early.
func (s *Store) mend(ctx context.Context, thorough bool) error {
	for _, l := range lists {
		if s.sound(l.path, l.copy, thorough) {
			continue
		}
		if err := s.mendList(ctx, l.path, l.copy, thorough); err != nil {
			return fmt.Errorf("mend %s: %w", s.list(l.path), err)
		}
	}
	return nil
}

// sound says whether a list can be read. One that is missing is sound if it was never there.
func (s *Store) sound(path string, hasCopy, thorough bool) bool {
	data, err := os.ReadFile(s.list(path))
	if errors.Is(err, fs.ErrNotExist) {
		if !hasCopy {
			return true
		}
		_, err := os.Lstat(s.saved(path))
		return err != nil
	}
	if err != nil {
		return true // for the library to tell
	}
	if thorough {
		var list []json.RawMessage
		return json.Unmarshal(data, &list) == nil
	}
	data = bytes.TrimSpace(data)
	return len(data) >= 2 && data[0] == '[' && data[len(data)-1] == ']' || string(data) == "null"
}

func (s *Store) mendList(ctx context.Context, path string, hasCopy, thorough bool) error {
	lock, err := index.Flock(ctx, filepath.Join(s.cfg.StorageRoot(), "mend.lock"), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Release()
	if s.sound(path, hasCopy, thorough) {
		return nil // somebody was faster
	}
	aside := fmt.Sprintf("%s%s%d", s.list(path), damagedMark, time.Now().Unix())
	if err := os.Rename(s.list(path), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := os.ReadFile(s.saved(path))
	if !hasCopy || err != nil || !json.Valid(data) {
		s.Notices = append(s.Notices, fmt.Sprintf("%s was damaged, and is empty now; rc system check tells what that leaves over", s.list(path)))
		data = []byte("[]")
	} else {
		s.Notices = append(s.Notices, fmt.Sprintf("%s was damaged; a copy has taken its place", s.list(path)))
	}
	return linux.ReplaceFile(s.list(path), data)
}

// damagedMark is in the name of a list that has been set aside.
const damagedMark = ".damaged-"

// setAside are the damaged lists that are still there.
func (s *Store) setAside() []string {
	var found []string
	for _, l := range lists {
		entries, err := os.ReadDir(filepath.Dir(s.list(l.path)))
		if err != nil {
			continue // a list that was never there
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), filepath.Base(l.path)+damagedMark) {
				found = append(found, filepath.Join(filepath.Dir(s.list(l.path)), e.Name()))
			}
		}
	}
	return found
}
