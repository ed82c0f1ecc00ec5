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
	note := func() (*os.File, error) {
		return os.OpenFile(filepath.Join(cfg.DataRoot, "told-single-id"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	f, err := note()
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(cfg.DataRoot, 0o700); err == nil {
			f, err = note()
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return
	}
	if err == nil {
		f.Close()
	}
	// Where it cannot be noted it is told again, which does no harm.
	fmt.Fprintln(w, "Warning:", ids.Notice())
}
