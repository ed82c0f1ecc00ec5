package cgroup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
)

// Where distributions mount version 2: alone, or beside version 1 (systemd's hybrid layout).
const (
	unifiedMount = "/sys/fs/cgroup"
	hybridMount  = "/sys/fs/cgroup/unified"
)

// Hierarchy is the mounted version 2 hierarchy.
type Hierarchy struct {
	// Mount is the directory, /sys/fs/cgroup as a rule.
	Mount string
	// Root is the cgroup that is seen there: "/", but for a bind mount of a part.
	Root string
}

// Find looks for the version 2 hierarchy. The error is errs.ErrUnsupported where there is none.
func Find() (Hierarchy, error) {
	for _, dir := range []string{unifiedMount, hybridMount} {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		h := Hierarchy{Mount: dir, Root: "/"}
		// A container without a cgroup namespace sees only its part, under another name:
		// mountinfo is read just then, it is long on a busy host.
		if _, err := h.Own(0); err == nil {
			return h, nil
		}
	}
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Hierarchy{}, err
	}
	if h, ok := parseMountinfo(data); ok {
		return h, nil
	}
	return Hierarchy{}, errs.Unsupportedf("find cgroup v2: no such file system is mounted")
}

// parseMountinfo finds the first cgroup2 mount, in the format of proc_pid_mountinfo(5).
func parseMountinfo(data []byte) (Hierarchy, bool) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		if !ok || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		fields := strings.Fields(before)
		if len(fields) < 5 {
			continue
		}
		return Hierarchy{Mount: unescape(fields[4]), Root: unescape(fields[3])}, true
	}
	return Hierarchy{}, false
}

// unescape turns \040 and its like into the characters they stand for.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Own is the directory of a process's cgroup; pid 0 is the caller. It is fs.ErrNotExist when the
// cgroup lies outside of what is mounted or was removed.
func (h Hierarchy) Own(pid int) (string, error) {
	file := "/proc/self/cgroup"
	if pid != 0 {
		file = "/proc/" + strconv.Itoa(pid) + "/cgroup"
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	path, ok := parseProcCgroup(data)
	if !ok {
		return "", fmt.Errorf("read %q: no cgroup v2 entry: %w", file, fs.ErrNotExist)
	}
	dir, ok := h.dir(path)
	if !ok {
		return "", fmt.Errorf("cgroup %q: outside of %q: %w", path, h.Mount, fs.ErrNotExist)
	}
	if _, err := os.Lstat(dir); err != nil {
		return "", err
	}
	return dir, nil
}

// dir is the directory of the cgroup with that path, which may be one that cannot be seen.
func (h Hierarchy) dir(path string) (string, bool) {
	// "/../x" is what a process outside of the reader's cgroup namespace has.
	if slices.Contains(strings.Split(path, "/"), "..") {
		return "", false
	}
	if h.Root != "/" && h.Root != "" {
		rest, ok := strings.CutPrefix(path, h.Root)
		if !ok || rest != "" && rest[0] != '/' {
			return "", false
		}
		path = rest
	}
	return filepath.Join(h.Mount, path), true
}

// Dir is the directory of the cgroup that is called path, as in /proc/PID/cgroup or a unit's
// ControlGroup property; it need not exist.
func (h Hierarchy) Dir(path string) (string, error) {
	dir, ok := h.dir(filepath.Clean("/" + path))
	if !ok {
		return "", fmt.Errorf("cgroup %q: outside of %q: %w", path, h.Mount, fs.ErrNotExist)
	}
	return dir, nil
}

// parseProcCgroup finds the version 2 line, "0::/path", of /proc/PID/cgroup.
func parseProcCgroup(data []byte) (string, bool) {
	for line := range strings.SplitSeq(string(data), "\n") {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			// A removed cgroup's path ends so: cgroup_path_ns in the kernel.
			return path, strings.HasPrefix(path, "/") && !strings.HasSuffix(path, " (deleted)")
		}
	}
	return "", false
}

// Unit is the directory of the systemd unit that dir belongs to: dir itself or the nearest
// directory above it that is called *.service or *.scope; dir where there is none.
func (h Hierarchy) Unit(dir string) string {
	for d := dir; d != h.Mount && strings.HasPrefix(d, h.Mount+"/"); d = filepath.Dir(d) {
		if strings.HasSuffix(d, ".service") || strings.HasSuffix(d, ".scope") {
			return d
		}
	}
	return dir
}

// Delegated says whether the caller may make cgroups in dir and move its own processes about
// below it: systemd gives the user the directory and cgroup.procs.
func Delegated(dir string) bool {
	return writable(dir) && writable(filepath.Join(dir, "cgroup.procs"))
}

// Enterable says whether the caller may move a process from one cgroup to another, which takes
// writing to cgroup.procs of the nearest common ancestor (cgroups(7), "delegation containment").
func Enterable(from, to string) bool {
	common := from
	for common != to && !strings.HasPrefix(to, common+"/") {
		up := filepath.Dir(common)
		if up == common {
			return false
		}
		common = up
	}
	return writable(filepath.Join(common, "cgroup.procs"))
}

// writable asks the kernel, for the effective ids.
func writable(path string) bool {
	return unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK, unix.AT_EACCESS) == nil
}

// Controllers are the controllers that can be enabled for children of dir.
func Controllers(dir string) ([]string, error) {
	return words(filepath.Join(dir, "cgroup.controllers"))
}

// Enabled are the controllers that children of dir have.
func Enabled(dir string) ([]string, error) {
	return words(filepath.Join(dir, "cgroup.subtree_control"))
}

func words(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	return strings.Fields(string(data)), err
}

// Processes are the pids in dir itself, as the caller's pid namespace numbers them.
func Processes(dir string) ([]int, error) {
	fields, err := words(filepath.Join(dir, "cgroup.procs"))
	pids := make([]int, 0, len(fields))
	for _, f := range fields {
		pid, convErr := strconv.Atoi(f)
		if convErr != nil {
			return nil, errors.Join(err, convErr)
		}
		pids = append(pids, pid)
	}
	return pids, err
}
