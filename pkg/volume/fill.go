package volume

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Unfilled says whether no container has used the volume yet.
func (r Root) Unfilled(name string) bool {
	_, err := os.Lstat(filepath.Join(r.Dir(name), unfilledFile))
	return err == nil
}

// Filling is how a volume is filled.
type Filling struct {
	// Copy puts into the empty directory dir what the image has; nil where nothing is to be
	// copied, and the volume counts as used all the same.
	Copy func(dir string) error
	// Owner is asked for after Copy, -1 for who the copy belongs to. It is not called where the
	// volume's record says whose it is.
	Owner func() (uid, gid int, err error)
	// Durable waits until it is on disk, since the volume shall survive a power cut.
	Durable bool
}

// Fill fills a volume that no container has used, and ends an import that was killed. It is
// called in the default map. Another one at it is waited for; a volume that has something in
// it stays as it is.
func (r Root) Fill(name string, f Filling) error {
	if err := r.Finish(name); err != nil {
		return err
	}
	marker := filepath.Join(r.Dir(name), unfilledFile)
	lock, err := os.Open(marker)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock(lock, unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %q: %w", marker, err)
	}
	if !samePlace(lock, marker) {
		return nil // filled meanwhile
	}
	if err := r.fill(name, f); err != nil {
		return fmt.Errorf("fill volume %q with what the image has there: %w", name, err)
	}
	return os.Remove(marker)
}

func (r Root) fill(name string, f Filling) error {
	data, temp := r.Path(name), filepath.Join(r.Dir(name), fillDir)
	if err := os.RemoveAll(temp); err != nil { // of a killed one
		return err
	}
	empty, err := isEmpty(data)
	if err != nil || !empty || f.Copy == nil {
		return err
	}
	v, err := r.Load(name)
	if err != nil {
		return err
	}
	if err := os.Mkdir(temp, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil { // whatever the umask is
		return err
	}
	uid, gid := -1, -1
	if err = f.Copy(temp); err == nil && f.Owner != nil && v.UID == nil && v.GID == nil {
		uid, gid, err = f.Owner()
	}
	if err == nil && (uid >= 0 || gid >= 0) {
		err = os.Chown(temp, uid, gid)
	}
	if err == nil {
		err = chownTop(temp, *v)
	}
	if err == nil && f.Durable {
		err = syncFS(temp)
	}
	if err == nil {
		err = unix.Rename(temp, data) // os.Rename refuses a directory that is there
		if errors.Is(err, fs.ErrExist) {
			err = nil // somebody who did not wait has put something there
		}
	}
	return errors.Join(err, os.RemoveAll(temp))
}

func isEmpty(dir string) (bool, error) {
	f, err := os.Open(dir)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

func syncFS(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
