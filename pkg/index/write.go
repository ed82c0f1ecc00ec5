package index

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/linux"
)

// ReadRecord is an image's record as it was written before; records never change.
func ReadRecord(cfg *config.Config, id string) (*Record, error) { return readRecord(cfg.DataRoot, id) }

// WriteRecord writes an image's record. It comes before the Write of an index that has the image.
func WriteRecord(cfg *config.Config, id string, r *Record) error {
	r.Version = version
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode image %s: %w", id, err)
	}
	if err := os.MkdirAll(filepath.Join(cfg.DataRoot, "images"), 0o700); err != nil {
		return err
	}
	return replace(recordPath(cfg.DataRoot, id), data)
}

// Write replaces the index: entries and broken images as the store had them in the given state.
// Records of images that are no more are removed.
func Write(cfg *config.Config, state State, entries []Entry, broken []Broken) error {
	head, err := encode([]header{{Version: version, Check: state.check, Broken: broken}})
	if err != nil {
		return err
	}
	lines, err := encode(entries)
	if err != nil {
		return err
	}
	keep := make(map[string]bool, len(entries))
	for _, e := range entries {
		keep[e.ID+".json"] = true
	}
	if err := replace(cfg.IndexPath(), append(head, lines...)); err != nil {
		return err
	}
	return sweep(filepath.Join(cfg.DataRoot, "images"), keep)
}

// Of is an index of entries that are not written yet.
func Of(cfg *config.Config, entries []Entry) (*Index, error) {
	lines, err := encode(entries)
	return &Index{root: cfg.DataRoot, data: lines}, err
}

// encode writes one line per value.
func encode[T any](values []T) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, fmt.Errorf("encode the image index: %w", err)
		}
	}
	return b.Bytes(), nil
}

func sweep(dir string, keep map[string]bool) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		// Names with a dot in front are being written by somebody right now.
		if keep[f.Name()] || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// replace writes a file in one step. It is not synced: after a power cut it may be empty,
// which makes the index stale and nothing worse.
func replace(path string, data []byte) error {
	if err := linux.ReplaceFile(path, data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
