package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// Record is a finished step.
type Record struct {
	// Key stands for everything that the step's outcome depends on: 64 hex digits.
	Key string `json:"-"`
	// Layer is the store's id of the layer that came of it, Parent that of the one below, "" for none.
	Layer  string `json:"layer"`
	Parent string `json:"parent,omitempty"`
	DiffID string `json:"diffID"`
	// Size is what the layer's files take, in bytes.
	Size int64 `json:"size"`
	// Created is what the image says of it, Made when it was really made.
	Created time.Time `json:"created"`
	Made    time.Time `json:"made"`
	// Text is the instruction, as progress shows it.
	Text string `json:"text"`
	// Link is what the keys of the same step on other layers have in common, where the layer does not depend on them: COPY --link.
	Link string `json:"link,omitempty"`
	// Uses counts how often the step was found in the cache, Used is when it last was, or was made.
	Uses int       `json:"uses,omitempty"`
	Used time.Time `json:"-"`
}

// Dir is where all of the build cache is.
func Dir(cfg *config.Config) string { return filepath.Join(cfg.DataRoot, "build") }

func recordDir(cfg *config.Config) string { return filepath.Join(Dir(cfg), "steps") }

const suffix = ".json"

func recordPath(cfg *config.Config, key string) string {
	return filepath.Join(recordDir(cfg), key+suffix)
}

// Find reads a record. errs.ErrNotFound says that there is none; one that is damaged is none.
func Find(cfg *config.Config, key string) (*Record, error) {
	path := recordPath(cfg, key)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("build step %.12s: %w", key, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read build step: %w", err)
	}
	r := &Record{Key: key}
	if json.Unmarshal(data, r) != nil || !plain(r.Layer) || r.DiffID == "" {
		return nil, fmt.Errorf("build step %.12s: %w: its record is damaged", key, errs.ErrNotFound)
	}
	info, err := os.Stat(path)
	if err == nil {
		r.Used = info.ModTime()
	}
	return r, nil
}

// plain says whether a text is the id of a layer, and no path.
func plain(id string) bool {
	return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == ""
}

// Write makes a record known, or replaces the one with its key.
func Write(cfg *config.Config, r *Record) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = os.MkdirAll(recordDir(cfg), 0o700)
	}
	if err == nil {
		err = linux.ReplaceFile(recordPath(cfg, r.Key), data)
	}
	if err != nil {
		return fmt.Errorf("write build step: %w", err)
	}
	return nil
}

// Use notes that a step has been of use now.
func Use(cfg *config.Config, r *Record) {
	r.Uses++
	// Without it the step is thrown away earlier; that is all.
	_ = Write(cfg, r)
}

// All reads all records; damaged ones are left out.
func All(cfg *config.Config) ([]*Record, error) {
	entries, err := os.ReadDir(recordDir(cfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list build steps: %w", err)
	}
	var all []*Record
	for _, e := range entries {
		key, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || strings.HasPrefix(key, ".") {
			continue
		}
		r, err := Find(cfg, key)
		switch {
		case err == nil:
			all = append(all, r)
		case !errors.Is(err, errs.ErrNotFound):
			return nil, err
		}
	}
	return all, nil
}

// Forget deletes a record. Its layer stays until somebody deletes what nothing keeps.
func Forget(cfg *config.Config, key string) error {
	if err := os.Remove(recordPath(cfg, key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete build step: %w", err)
	}
	return nil
}

// Digests is the file with the remembered digests of what is in a directory, "" for those of layers.
func Digests(cfg *config.Config, dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(digestDir(cfg), hex.EncodeToString(sum[:]))
}

// URLs is the directory of what is remembered of URLs that ADD has fetched: files beside those of Digests.
func URLs(cfg *config.Config) string { return digestDir(cfg) }

func digestDir(cfg *config.Config) string { return filepath.Join(Dir(cfg), "digests") }
