package quadlet

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// host is what is asked of the machine; tests have another.
type host struct {
	getenv     func(string) string
	uid        int
	etc, share string
}

func thisHost() host {
	return host{getenv: os.Getenv, uid: os.Getuid(), etc: "/etc/containers/systemd", share: "/usr/share/containers/systemd"}
}

// ConfigHome is $XDG_CONFIG_HOME or its default. The error is for a user without a home.
func ConfigHome() (string, error) { return thisHost().configHome() }

func (h host) configHome() (string, error) {
	if dir := h.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Clean(dir), nil
	}
	home := h.getenv("HOME")
	if !filepath.IsAbs(home) {
		u, err := user.LookupId(strconv.Itoa(h.uid))
		if err != nil || !filepath.IsAbs(u.HomeDir) {
			return "", errs.WithHint(errs.Invalidf("no home directory for uid %d", h.uid), "set HOME")
		}
		home = u.HomeDir
	}
	return filepath.Join(home, ".config"), nil
}

// InstallDir is where a user's own quadlets are.
func InstallDir() (string, error) {
	dir, err := ConfigHome()
	return filepath.Join(dir, "containers/systemd"), err
}

// Limits of a search, which a link to / would make endless.
const (
	maxDepth = 12
	maxDirs  = 2048
)

// Dirs are the directories with a user's quadlets, those that count most first, each before its
// subdirectories; only such as are there. What podman-systemd.unit(5) says for users:
// $QUADLET_UNIT_DIRS alone if set, else those of this boot, of the user, of the administrator for
// him and for all, and of the distribution. The errors are of what could not be searched.
func Dirs() ([]string, []error) { return thisHost().dirs() }

func (h host) dirs() ([]string, []error) {
	w := walk{seen: map[[2]uint64]bool{}}
	if list := h.getenv("QUADLET_UNIT_DIRS"); list != "" {
		for dir := range strings.SplitSeq(list, ":") {
			if !filepath.IsAbs(dir) {
				w.errors = append(w.errors, errs.Invalidf("QUADLET_UNIT_DIRS: %q: want absolute paths", dir))
				continue
			}
			w.add(dir, 0, nil)
		}
		return w.dirs, w.errors
	}
	if dir := h.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		w.add(filepath.Join(dir, "containers/systemd"), 0, nil)
	}
	if dir, err := h.configHome(); err == nil {
		w.add(filepath.Join(dir, "containers/systemd"), 0, nil)
	} else {
		w.errors = append(w.errors, err)
	}
	for _, base := range []string{h.etc, h.share} {
		users := filepath.Join(base, "users")
		w.add(filepath.Join(users, strconv.Itoa(h.uid)), 0, nil)
		w.add(users, 0, isNumber) // other users' are not ours
	}
	return w.dirs, w.errors
}

func isNumber(name string) bool { return strings.Trim(name, "0123456789") == "" }

// walk collects directories; links are followed, each directory is taken once.
type walk struct {
	dirs   []string
	seen   map[[2]uint64]bool
	errors []error
}

// add takes a directory and what is below it. skip leaves out subdirectories of the first level.
func (w *walk) add(dir string, depth int, skip func(string) bool) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		if err != unix.ENOENT && err != unix.ENOTDIR {
			w.errors = append(w.errors, &os.PathError{Op: "search", Path: dir, Err: err})
		}
		return
	}
	inode := [2]uint64{st.Dev, st.Ino}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || w.seen[inode] {
		return
	}
	if depth > maxDepth || len(w.dirs) >= maxDirs {
		w.errors = append(w.errors, errs.Invalidf("search %s: more than %d directories, or %d levels: what is below is left out", dir, maxDirs, maxDepth))
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.errors = append(w.errors, err)
		return
	}
	w.seen[inode] = true
	w.dirs = append(w.dirs, dir)
	for _, entry := range entries {
		name := entry.Name()
		// NAME.d has drop-ins.
		if entry.Type().IsRegular() || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".d") || skip != nil && skip(name) {
			continue
		}
		if len(w.dirs) < maxDirs || entry.IsDir() {
			w.add(filepath.Join(dir, name), depth+1, nil)
		}
	}
}
