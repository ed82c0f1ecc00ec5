package quadlet

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// Program is where rc is: the caller itself, beside it where a build leaves both, where make
// install puts it for a caller in libexec/rc, in PATH.
func Program() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find rc: %w", err)
	}
	return program(self)
}

func program(self string) (string, error) {
	dir := filepath.Dir(self)
	for _, path := range []string{filepath.Join(dir, "rc"), filepath.Join(dir, "../../bin/rc")} {
		if isProgram(path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath("rc"); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	return "", errs.WithHint(fmt.Errorf("find rc beside %s: %w", self, errs.ErrNotFound), "install rc with all its programs: make install")
}

func isProgram(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// generatorDirs are where a user manager looks for generators, those that count most first:
// systemd.generator(7).
func (h host) generatorDirs() []string {
	if list := h.getenv("SYSTEMD_GENERATOR_PATH"); list != "" {
		return strings.Split(strings.TrimSuffix(list, ":"), ":")
	}
	return []string{
		"/run/systemd/user-generators", "/etc/systemd/user-generators", "/usr/local/lib/systemd/user-generators", "/usr/lib/systemd/user-generators",
	}
}

// generator is the path of a generator that a user manager would start, "" if there is none: the
// first of that name counts, and /dev/null there is none.
func (h host) generator(name string) string {
	for _, dir := range h.generatorDirs() {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		if isProgram(path) {
			return path
		}
		return ""
	}
	return ""
}

// PodmanGenerator is the path of podman's generator, "" where it is not installed or masked. Where
// it is, quadlets are podman's: its volumes and images are not rc's.
func PodmanGenerator() string { return thisHost().generator("podman-user-generator") }

// Generator is the path of rc's generator, "" where it is not installed, or leaves it to podman's.
func Generator() string {
	if PodmanGenerator() != "" {
		return ""
	}
	return thisHost().generator("rc-user-generator")
}
