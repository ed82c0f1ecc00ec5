package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/pgzip"
	digest "github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	storage "go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
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
	headers, err := os.Open(filepath.Join(s.cfg.StorageRoot(), "overlay-layers", id+".tar-split.gz"))
	if err != nil {
		return nil, fmt.Errorf("read layer %.12s: %w", id, err)
	}
	plain, err := pgzip.NewReader(headers)
	if err != nil {
		headers.Close()
		return nil, fmt.Errorf("read layer %.12s: its headers: %w", id, err)
	}
	root, err := unix.Open(filepath.Join(s.cfg.StorageRoot(), "overlay", id, "diff"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("read layer %.12s: its files: %w", id, errors.Join(err, plain.Close(), headers.Close()))
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := asm.WriteOutputTarStream(layerFiles(root), tarsplit.NewJSONUnpacker(plain), w)
		if err != nil {
			err = fmt.Errorf("read layer %.12s: %w", id, err)
		}
		w.CloseWithError(err)
	}()
	return &tarReader{r, func() {
		<-done
		_ = plain.Close() // it only ends its goroutines
		headers.Close()
		_ = unix.Close(root) // it was opened for its path only
	}}, nil
}

// tarReader releases what an archive is read from.
type tarReader struct {
	*io.PipeReader
	release func()
}

func (l *tarReader) Close() error {
	err := l.PipeReader.Close()
	l.release()
	return err
}

// layerFiles opens the contents of a layer's files. A symbolic link in a layer leads nowhere out of it.
type layerFiles int

// Get opens a file by its name in the archive.
func (l layerFiles) Get(name string) (io.ReadCloser, error) {
	fd, err := linux.OpenInRoot(int(l), name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
