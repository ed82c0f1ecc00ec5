package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	digest "github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/linux"
)

// Known is what is known of a layer's compressed forms: storage/blobs/<diff id>.json. All of it is a memory
// that saves work; a file that is missing or damaged costs time and nothing else.
type Known struct {
	Blobs []KnownBlob `json:"blobs"`
}

// KnownBlob is one compressed form.
type KnownBlob struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	// Recipe is how these bytes are made of the layer's archive (package compress), "" where that is not known.
	Recipe string `json:"recipe,omitempty"`
	// Head is how they begin: it tells whether a recipe makes them before all of it is compressed.
	Head []byte `json:"head,omitempty"`
	// At are repositories that have the blob, or had it; the last one learned of comes first.
	At []string `json:"at,omitempty"`
}

// maxPlaces bounds At, maxForms the forms of one layer.
const (
	maxPlaces = 8
	maxForms  = 8
)

func (s *Store) knownDir() string { return filepath.Join(s.cfg.StorageRoot(), "blobs") }

func (s *Store) knownPath(diffID digest.Digest) string {
	return filepath.Join(s.knownDir(), diffID.Encoded()+".json")
}

// Known reads what is known of a layer.
func (s *Store) Known(diffID digest.Digest) Known {
	var k Known
	if diffID.Validate() != nil {
		return k
	}
	data, err := os.ReadFile(s.knownPath(diffID))
	if err != nil || json.Unmarshal(data, &k) != nil {
		return Known{}
	}
	return k
}

// Learn adds a compressed form of a layer, or what is new of one that is known.
func (s *Store) Learn(ctx context.Context, diffID digest.Digest, b KnownBlob) error {
	if err := diffID.Validate(); err != nil || b.Digest.Validate() != nil {
		return fmt.Errorf("remember blob %q of layer %q: %w", b.Digest, diffID, err)
	}
	if err := os.MkdirAll(s.knownDir(), 0o700); err != nil {
		return fmt.Errorf("remember blob %s: %w", b.Digest, err)
	}
	lock, err := index.Flock(ctx, filepath.Join(s.cfg.StorageRoot(), "blobs.lock"), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Release()
	k := s.Known(diffID)
	before, _ := json.Marshal(k)
	k.add(b)
	data, err := json.Marshal(k)
	if err != nil || string(data) == string(before) {
		return err
	}
	if err := linux.ReplaceFile(s.knownPath(diffID), data); err != nil {
		return fmt.Errorf("remember blob %s: %w", b.Digest, err)
	}
	return nil
}

func (k *Known) add(b KnownBlob) {
	if i := slices.IndexFunc(k.Blobs, func(o KnownBlob) bool { return o.Digest == b.Digest }); i >= 0 {
		old := k.Blobs[i]
		if b.Recipe == "" {
			b.Recipe = old.Recipe
		}
		if len(b.Head) == 0 {
			b.Head = old.Head
		}
		for _, place := range old.At {
			if !slices.Contains(b.At, place) {
				b.At = append(slices.Clip(b.At), place)
			}
		}
		k.Blobs = slices.Delete(k.Blobs, i, i+1)
	}
	b.At = b.At[:min(len(b.At), maxPlaces)]
	k.Blobs = append([]KnownBlob{b}, k.Blobs...)
	k.Blobs = k.Blobs[:min(len(k.Blobs), maxForms)]
}

// sweepKnown forgets layers that are no more.
func (s *Store) sweepKnown() error {
	files, err := os.ReadDir(s.knownDir())
	if errors.Is(err, fs.ErrNotExist) || len(files) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	layers, err := s.lib.Layers()
	if err != nil {
		return err
	}
	keep := make(map[string]bool, len(layers))
	for _, l := range layers {
		keep[l.UncompressedDigest.Encoded()+".json"] = true
	}
	for _, f := range files {
		if keep[f.Name()] || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if err := os.Remove(filepath.Join(s.knownDir(), f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
