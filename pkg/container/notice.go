package container

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/userns"
)

// TellSingle tells a user without subordinate ids what that means, once for all calls.
func TellSingle(w io.Writer, cfg *config.Config, ids userns.Map) {
	if !ids.Single() {
		return
	}
	// Where it cannot be noted it is told again, which does no harm.
	if firstTime(cfg, "told-single-id") {
		fmt.Fprintln(w, "Warning:", ids.Notice())
	}
}

// told says whether firstTime has noted it: looking is cheaper than finding out what to say.
func told(cfg *config.Config, name string) bool {
	_, err := os.Lstat(filepath.Join(cfg.DataRoot, name))
	return err == nil
}

// firstTime notes in the data directory that something has been told to its owner.
func firstTime(cfg *config.Config, name string) bool {
	note := func() (*os.File, error) {
		return os.OpenFile(filepath.Join(cfg.DataRoot, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	f, err := note()
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(cfg.DataRoot, 0o700); err == nil {
			f, err = note()
		}
	}
	if err == nil {
		f.Close()
	}
	return !errors.Is(err, fs.ErrExist)
}
