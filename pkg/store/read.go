package store

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	digest "github.com/opencontainers/go-digest"
	storage "go.podman.io/storage"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/layer"
)

// Stored is an image as the store has it.
type Stored struct {
	ID    string
	Names []string
	// Config and Manifest are the bytes that came with it.
	Config, Manifest []byte
	Layers           []StoredLayer // the lowest first
}

// StoredLayer is one of its layers.
type StoredLayer struct {
	ID     string
	Parent string // the layer below, "" for none
	DiffID digest.Digest
	Size   int64 // bytes of the uncompressed archive
	// Dir has its files; FuseOnly see index.Record.
	Dir      string
	FuseOnly bool
}

// Stored finds an image by its id. errs.ErrNotFound says that there is none.
func (s *Store) Stored(id string) (*Stored, error) {
	img, err := s.lib.Image(id)
	if errors.Is(err, storage.ErrImageUnknown) {
		return nil, fmt.Errorf("image %.12s: %w", id, errs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("image %.12s: %w", id, err)
	}
	out := &Stored{ID: img.ID, Names: img.Names}
	if out.Config, err = s.lib.ImageBigData(img.ID, keyConfig(img.ID)); err != nil {
		return nil, fmt.Errorf("image %.12s: its configuration: %w", id, err)
	}
	if out.Manifest, err = s.lib.ImageBigData(img.ID, keyManifest); err != nil {
		return nil, fmt.Errorf("image %.12s: its manifest: %w", id, err)
	}
	if out.Layers, err = s.Chain(img.TopLayer); err != nil {
		return nil, fmt.Errorf("image %.12s: %w", id, err)
	}
	return out, nil
}

// Chain are a layer and those below it, the lowest first; none for "". errs.ErrNotFound says that one is missing.
func (s *Store) Chain(top string) ([]StoredLayer, error) {
	var all []StoredLayer
	for at := top; at != ""; {
		l, err := s.Layer(at)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
		at = l.Parent
	}
	slices.Reverse(all)
	return all, nil
}

// Layer describes one layer. errs.ErrNotFound says that there is none.
func (s *Store) Layer(id string) (StoredLayer, error) {
	l, err := s.lib.Layer(id)
	if errors.Is(err, storage.ErrLayerUnknown) {
		err = errs.ErrNotFound
	}
	if err != nil {
		return StoredLayer{}, fmt.Errorf("layer %.12s: %w", id, err)
	}
	return StoredLayer{
		ID: l.ID, Parent: l.Parent, DiffID: l.UncompressedDigest, Size: l.UncompressedSize,
		Dir: s.layerDir(l.ID), FuseOnly: l.Flags[flagDotWh] == true,
	}, nil
}

// LayerTar gives the uncompressed archive that a layer was unpacked from, byte for byte: the headers that were
// kept, the contents from the layer's files. No lock of the store is held meanwhile, so a push never keeps
// anybody waiting; a layer that is deleted while it is read ends in an error. The caller closes it.
func (s *Store) LayerTar(id string) (io.ReadCloser, error) {
	r, err := layer.Archive(filepath.Join(s.cfg.StorageRoot(), "overlay-layers", id+".tar-split.gz"),
		filepath.Join(s.cfg.StorageRoot(), "overlay", id, "diff"))
	if err != nil {
		return nil, fmt.Errorf("read layer %.12s: %w", id, err)
	}
	return mayBeDamaged{r}, nil
}

// mayBeDamaged says what to do about a layer that cannot be read to its end.
type mayBeDamaged struct{ io.ReadCloser }

func (m mayBeDamaged) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && errs.Hint(err) == "" {
		err = errs.WithHint(err, "rc system check --repair")
	}
	return n, err
}
