package container

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
)

func stepsDir(cfg *config.Config) string { return filepath.Join(cfg.RunRoot, "steps") }

// makeDir makes the directory of Dir.
func (s *Steps) makeDir() error {
	parent := stepsDir(s.cfg)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	for range 100 { // somebody may take it for a dead one's between the two calls
		var err error
		if s.dir, err = os.MkdirTemp(parent, ""); err != nil {
			return err
		}
		var ours bool
		if s.lock, ours = lockDir(s.dir); ours {
			return nil
		}
	}
	return errors.New("make a directory for the build: others keep taking it away")
}

// sweepSteps takes away the directories of killed builds: they are not locked.
func sweepSteps(cfg *config.Config) {
	entries, err := os.ReadDir(stepsDir(cfg))
	if err != nil {
		return // there never was one
	}
	for _, e := range entries {
		dir := filepath.Join(stepsDir(cfg), e.Name())
		if f, free := lockDir(dir); free {
			_ = os.RemoveAll(dir)
			f.Close()
		}
	}
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
