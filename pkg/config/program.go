package config

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/errs"
)

// Program finds one of rc's own programs: beside the caller's, where a build leaves it; in
// ../libexec/rc, where `make install` puts it; in PATH. The error is errs.ErrNotFound.
func Program(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	return program(name, self)
}

func program(name, self string) (string, error) {
	dir := filepath.Dir(self)
	for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, "../libexec/rc", name)} {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", errs.WithCheck(fmt.Errorf("find %s beside %s: %w", name, self, errs.ErrNotFound),
		"install rc with all its programs: make install", "programs")
}
