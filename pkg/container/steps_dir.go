package container

import (
	"errors"
	"os"

	"github.com/rc-containers/rc/pkg/container/lifecycle"
)

// makeDir makes the directory of Dir.
func (s *Steps) makeDir() error {
	parent := lifecycle.StepsDir(s.cfg)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	for range 100 { // somebody may take it for a dead one's between the two calls
		var err error
		if s.dir, err = os.MkdirTemp(parent, ""); err != nil {
			return err
		}
		var ours bool
		if s.lock, ours = lifecycle.LockDir(s.dir); ours {
			return nil
		}
	}
	return errors.New("make a directory for the build: others keep taking it away")
}
