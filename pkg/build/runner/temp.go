package runner

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// makeTemp makes a directory that lives as long as the build, and takes away those of killed ones: they are not locked.
func (r *Runner) makeTemp() error {
	parent := filepath.Join(r.cfg.RunRoot, "steps")
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	others, _ := filepath.Glob(filepath.Join(parent, "*"))
	for _, dir := range others {
		if f, free := lockDir(dir); free {
			_ = os.RemoveAll(dir)
			f.Close()
		}
	}
	for range 100 { // somebody may take it for a dead one's between the two calls
		var err error
		if r.temp, err = os.MkdirTemp(parent, ""); err != nil {
			return err
		}
		var ours bool
		if r.lock, ours = lockDir(r.temp); ours {
			return nil
		}
	}
	return errors.New("make a directory for the build: others keep taking it away")
}

// lockDir locks a directory that is still there.
func lockDir(dir string) (*os.File, bool) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, false
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		opened, err := f.Stat()
		if there, lerr := os.Lstat(dir); err == nil && lerr == nil && os.SameFile(opened, there) {
			return f, true
		}
	}
	f.Close()
	return nil, false
}

// Close takes away what New made.
func (r *Runner) Close() error {
	for _, a := range r.keys {
		a.close()
	}
	return errors.Join(os.RemoveAll(r.temp), r.lock.Close())
}
