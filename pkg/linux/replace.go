package linux

import (
	"errors"
	"os"
	"path/filepath"
)

// ReplaceFile writes a file (mode 0600) so that readers find the old one or the new one,
// whole. It is not synced: after a power cut it may be empty. What an interrupted call
// leaves begins with a dot and the file's name.
func ReplaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
