package lifecycle

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
)

func StepsDir(cfg *config.Config) string { return filepath.Join(cfg.RunRoot, "steps") }

// sweepSteps takes away the directories of killed builds: they are not locked.
func sweepSteps(cfg *config.Config) {
	entries, err := os.ReadDir(StepsDir(cfg))
	if err != nil {
		return // there never was one
	}
	for _, e := range entries {
		dir := filepath.Join(StepsDir(cfg), e.Name())
		if f, free := LockDir(dir); free {
			_ = os.RemoveAll(dir)
			f.Close()
		}
	}
}

// LockDir locks a directory that is still there.
func LockDir(dir string) (*os.File, bool) {
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
