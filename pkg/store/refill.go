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
	doubtful := s.doubtful(l)
	if s.hasFiles(id) && !doubtful {
		return nil
	}
	if l.UncompressedDigest != "" && l.UncompressedDigest != st.DiffID {
		return errs.Invalidf("mend layer %.12s: its digest is %s, not %s", id, l.UncompressedDigest, st.DiffID)
	}
	if err := s.writeHeaders(st, id, doubtful); err != nil {
		return fmt.Errorf("mend layer %.12s: %w", id, err)
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
	return nil
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
