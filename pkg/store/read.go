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
	DiffID digest.Digest
	Size   int64 // bytes of the uncompressed archive
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
	for at := img.TopLayer; at != ""; {
		l, err := s.lib.Layer(at)
		if err != nil {
			return nil, fmt.Errorf("image %.12s: layer %.12s: %w", id, at, err)
		}
		out.Layers = append(out.Layers, StoredLayer{ID: l.ID, DiffID: l.UncompressedDigest, Size: l.UncompressedSize})
		at = l.Parent
	}
	slices.Reverse(out.Layers)
	return out, nil
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
	return r, nil
}
