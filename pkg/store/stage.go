package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	digest "github.com/opencontainers/go-digest"
	"github.com/vbatts/tar-split/tar/asm"
	tarsplit "github.com/vbatts/tar-split/tar/storage"
	storage "go.podman.io/storage"
	drivers "go.podman.io/storage/drivers"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/layer"
)

// Staged is an unpacked layer that is not in the store yet. Commit or Discard it.
type Staged struct {
	// DiffID is the digest of the uncompressed archive, Size its length in bytes.
	DiffID digest.Digest
	Size   int64
	// Devices are the device nodes that were left out.
	Devices []string

	dir     string // of this layer: diff/
	res     *layer.Result
	headers *os.File
}

// Stage unpacks a layer beside the store. Layers can be staged side by side. The archive is read to the
// end of r; after an error nothing is left of it.
func (s *Store) Stage(ctx context.Context, r io.Reader) (_ *Staged, err error) {
	base, err := s.stagingDir(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base, "layer-")
	if err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	st := &Staged{dir: dir}
	defer func() {
		if err != nil {
			st.Discard()
		}
	}()
	diff := filepath.Join(dir, "diff")
	if err := os.Mkdir(diff, 0o755); err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	// Umask or a default ACL may have had a say.
	if err := os.Chmod(diff, 0o755); err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	if st.headers, err = os.CreateTemp(dir, "headers-"); err != nil {
		return nil, fmt.Errorf("stage layer: %w", err)
	}
	digester := digest.Canonical.Digester()
	count := &counter{w: digester.Hash()}
	if err := s.unpack(ctx, io.TeeReader(r, count), diff, st); err != nil {
		return nil, err
	}
	st.DiffID, st.Size = digester.Digest(), count.n
	st.Devices = st.res.Devices
	return st, nil
}

// unpack sends the archive through tar-split, which keeps the headers, to package layer.
func (s *Store) unpack(ctx context.Context, r io.Reader, diff string, st *Staged) error {
	headers := newBuffered(st.headers)
	// Closing the pipe makes the library's goroutine end, after an error too.
	payload, done, err := asm.NewInputTarStreamWithDone(r, tarsplit.NewJSONPacker(headers), tarsplit.NewDiscardFilePutter())
	if err != nil {
		return fmt.Errorf("stage layer: %w", err)
	}
	st.res, err = layer.Apply(ctx, payload, diff, layer.Options{
		UIDs: s.ids.UIDs, GIDs: s.ids.GIDs, Squash: s.ids.single(), DotWh: s.dotWh,
	})
	if err == nil {
		// Padding after the end of the archive belongs to its digest.
		_, err = io.Copy(io.Discard, payload)
	}
	payload.Close()
	if doneErr := <-done; err == nil && doneErr != nil {
		err = fmt.Errorf("read layer: %w", doneErr)
	}
	if err == nil {
		err = headers.Flush()
	}
	return full(err)
}

// Dir has the layer's files, until it is committed or discarded.
func (st *Staged) Dir() string { return filepath.Join(st.dir, "diff") }

// Discard deletes a staged layer.
func (st *Staged) Discard() {
	if st.headers != nil {
		st.headers.Close()
		st.headers = nil
	}
	if st.dir != "" {
		_ = os.RemoveAll(st.dir) // what stays, the next Open sweeps
		st.dir = ""
	}
}

// MoveTo gives the layer's files away, to a directory that does not exist and is on the store's file system. The
// staged layer is used up.
func (st *Staged) MoveTo(dir string) error {
	defer st.Discard()
	if err := os.Rename(filepath.Join(st.dir, "diff"), dir); err != nil {
		return fmt.Errorf("keep files: %w", err)
	}
	return nil
}

// Commit makes a staged layer the layer id, on top of parent ("" for none), which is
// committed. A layer that exists already stays as it is. blob is the digest of the archive
// as it was fetched; the zero digest if it was not compressed.
// ErrGone says that the parent has been deleted meanwhile: begin again.
func (s *Store) Commit(ctx context.Context, st *Staged, id, parent string, blob digest.Digest) error {
	defer st.Discard()
	lock, err := s.lockCommits(ctx)
	if err != nil {
		return err
	}
	defer lock.Release()
	if s.lib.Exists(id) {
		return s.refill(st, id)
	}
	if err := s.mark(id); err != nil {
		return full(fmt.Errorf("commit layer %.12s: %w", id, err))
	}
	if blob == "" {
		blob = st.DiffID
	}
	flags := map[string]any{}
	if st.res.DotWh {
		flags[flagDotWh] = true
	}
	out := &drivers.DriverWithDifferOutput{
		Target: st.Dir(), Size: st.Size, UIDs: st.res.UIDs, GIDs: st.res.GIDs,
		UncompressedDigest: st.DiffID, CompressedDigest: blob, TarSplit: st.headers, RootDirMode: st.res.RootMode,
	}
	st.headers = nil // ApplyStagedLayer closes it
	_, err = s.lib.ApplyStagedLayer(storage.ApplyStagedLayerOptions{
		ID: id, ParentLayer: parent, LayerOptions: &storage.LayerOptions{Flags: flags}, DiffOutput: out,
		DiffOptions: &drivers.ApplyDiffWithDifferOpts{},
	})
	if errors.Is(err, storage.ErrLayerUnknown) {
		return fmt.Errorf("commit layer %.12s: layer %.12s below it: %w", id, parent, ErrGone)
	}
	if err != nil {
		return fmt.Errorf("commit layer %.12s: %w", id, err)
	}
	return nil
}

// ErrGone says that another process has deleted a layer that an image was to be made of.
var ErrGone = errors.New("deleted by another process")

// flagDotWh marks layers whose whiteouts only fuse-overlayfs understands.
const flagDotWh = "rc-dot-wh"

// stagingDir makes this process's own directory, locked as long as the process lives.
func (s *Store) stagingDir(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage != "" {
		return s.stage, nil
	}
	base := s.stagingBase()
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", fmt.Errorf("stage layer: %w", err)
	}
	// Sweeping takes the base lock, so that a directory is never seen before it is locked.
	guard, err := index.Flock(ctx, base+".lock", unix.LOCK_SH)
	if err != nil {
		return "", err
	}
	defer guard.Release()
	dir, err := os.MkdirTemp(base, "")
	if err != nil {
		return "", fmt.Errorf("stage layer: %w", err)
	}
	if s.lock, err = index.Flock(ctx, dir+"/lock", unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return "", err
	}
	s.stage = dir
	return dir, nil
}

func (s *Store) stagingBase() string { return filepath.Join(s.cfg.StorageRoot(), "staging") }

// sweepStaging deletes what killed processes have left.
func (s *Store) sweepStaging(ctx context.Context) error {
	base := s.stagingBase()
	dirs, err := os.ReadDir(base)
	if errors.Is(err, os.ErrNotExist) || len(dirs) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("clean up the image store: %w", err)
	}
	guard, err := index.Flock(ctx, base+".lock", unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, index.ErrLocked) {
		return nil // somebody begins to stage; the next Open cleans up
	}
	if err != nil {
		return err
	}
	defer guard.Release()
	for _, d := range dirs {
		dir := filepath.Join(base, d.Name())
		lock, err := index.Flock(ctx, dir+"/lock", unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, index.ErrLocked) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return err
		}
		err = os.RemoveAll(dir)
		lock.Release()
		if err != nil {
			return fmt.Errorf("clean up the image store: %w", err)
		}
	}
	return nil
}

func (s *Store) dropStaging() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stage != "" {
		_ = os.RemoveAll(s.stage) // what stays, the next Open sweeps
		s.lock.Release()
		s.stage = ""
	}
}
