package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/rc-containers/rc/pkg/errs"
)

// runtimeDir is $XDG_RUNTIME_DIR where it is set, and must then be ours. Unset, as under su
// and cron, it is /run/user/UID if that is ours, else a directory of ours under /tmp.
func (h host) runtimeDir() (string, error) {
	session := h.session()
	if dir := h.getenv("XDG_RUNTIME_DIR"); dir != "" {
		err := h.ours(dir)
		if err == nil && filepath.IsAbs(dir) {
			return filepath.Clean(dir), nil
		}
		if err == nil {
			err = errs.Invalidf("want an absolute path")
		}
		hint := "unset XDG_RUNTIME_DIR"
		if h.ours(session) == nil {
			hint = "export XDG_RUNTIME_DIR=" + session
		}
		return "", errs.WithCheck(fmt.Errorf("XDG_RUNTIME_DIR %q: %w", dir, err), hint, "runtime-dir")
	}
	if h.ours(session) == nil {
		return session, nil
	}
	return h.privateTmp()
}

// session is where logind puts a user's runtime directory: pam_systemd(8).
func (h host) session() string { return filepath.Join(h.runUser, strconv.Itoa(h.uid)) }

// privateTmp is /tmp/rc-run-UID. Everybody can write /tmp, so what is found there is only
// believed when it is a directory, ours, and nobody else's to enter.
func (h host) privateTmp() (string, error) {
	dir := filepath.Join(h.tmp, "rc-run-"+strconv.Itoa(h.uid))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("runtime directory: %w", err)
	}
	hint := "rm -rf " + dir + " (as its owner), or set XDG_RUNTIME_DIR to a directory of yours with mode 0700"
	if err := h.ours(dir); err != nil {
		return "", errs.WithCheck(fmt.Errorf("runtime directory %q: %w", dir, err), hint, "runtime-dir")
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("runtime directory: %w", err)
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		return "", errs.WithCheck(errs.Invalidf("runtime directory %q: mode is %#o, want 0700", dir, mode),
			"chmod 700 "+dir, "runtime-dir")
	}
	return dir, nil
}

// ours tells why a directory is not one of the caller's own; a symbolic link is none.
func (h host) ours(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return errors.Unwrap(err)
	}
	if !info.IsDir() {
		return errs.Invalidf("not a directory")
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != h.uid {
		return errs.Invalidf("it belongs to uid %d, not to you (uid %d)", stat.Uid, h.uid)
	}
	return nil
}
