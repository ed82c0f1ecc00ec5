package store

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/errs"
)

// refill gives a layer its files back, where somebody has deleted them, or a power cut may have damaged them. The caller has
// the lock of commits.
func (s *Store) refill(st *Staged, id string) error {
	l, err := s.lib.Layer(id)
	if err != nil {
		return err
	}
	doubtful := s.doubtful(id)
	if s.hasFiles(id) && !doubtful {
		return nil
	}
	if l.UncompressedDigest != "" && l.UncompressedDigest != st.DiffID {
		return errs.Invalidf("mend layer %.12s: its digest is %s, not %s", id, l.UncompressedDigest, st.DiffID)
	}
	if err := s.writeHeaders(st, id, doubtful); err != nil {
		return fmt.Errorf("mend layer %.12s: %w", id, err)
	}
	if err := s.likeParent(st, l.Parent); err != nil {
		return fmt.Errorf("mend layer %.12s: %w", id, err)
	}
	// An image on record may have it: no power cut may undo that.
	if err := s.syncFiles(); err != nil {
		return full(fmt.Errorf("mend layer %.12s: %w", id, err))
	}
	target := s.layerDir(id)
	if doubtful { // killed in between, it has no files, and is mended next time
		if err := os.Rename(target, filepath.Join(st.dir, "old")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("mend layer %.12s: %w", id, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return fmt.Errorf("mend layer %.12s: %w", id, err)
	}
	if err := os.Rename(st.Dir(), target); err != nil {
		return fmt.Errorf("mend layer %.12s: %w", id, err)
	}
	if err := os.Remove(filepath.Join(s.unsyncedDir(), id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("mend layer %.12s: %w", id, err)
	}
	return nil
}

// likeParent gives the root of a layer whose archive has no "/" the mode of that below, as the library does.
func (s *Store) likeParent(st *Staged, parent string) error {
	if st.res.RootMode != nil || parent == "" {
		return nil
	}
	info, err := os.Stat(s.layerDir(parent))
	if err != nil {
		return err
	}
	return os.Chmod(st.Dir(), info.Mode())
}

// writeHeaders keeps the headers of a staged layer as the library does, where they are gone, too, or anyway.
func (s *Store) writeHeaders(st *Staged, id string, anyway bool) error {
	path := filepath.Join(s.cfg.StorageRoot(), "overlay-layers", id+".tar-split.gz")
	if _, err := os.Lstat(path); !anyway && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := st.headers.Seek(0, io.SeekStart); err != nil {
		return err
	}
	temp := filepath.Join(st.dir, "headers.gz")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	_, err = io.Copy(z, st.headers)
	if err = errors.Join(err, z.Close(), f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
