package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// mountFile says where rc mount has mounted a container.
const mountFile = "mount.json"

// Mount is a container's root, mounted by rc mount in somebody's mount namespace. It is there
// as long as a process is in that, whatever the record says: nobody is told when it goes.
type Mount struct {
	Path string `json:"path"`
	// Namespace is the mount namespace, as /proc/PID/ns/mnt has it.
	Namespace string `json:"namespace"`
	// Daemon is the command of the program that serves the mount, "" for the kernel. It keeps the
	// namespace from ending, and is no reason for that.
	Daemon string `json:"daemon,omitempty"`
}

// MountDir is the directory of what can be mounted: a container's, or one made for an image. It has the
// mount in it, and the record of that.
type MountDir string

// Path is where it is mounted.
func (d MountDir) Path() string { return filepath.Join(string(d), "merged") }

// MountPath is where a container's root is mounted.
func (r Root) MountPath(id string) string { return MountDir(r.Dir(id)).Path() }

// OwnMounts is the caller's mount namespace.
func OwnMounts() (string, error) { return os.Readlink("/proc/self/ns/mnt") }

// WriteMount says that a container is mounted. The caller has the container's lock.
func (r Root) WriteMount(id string, m *Mount) error { return MountDir(r.Dir(id)).Write(m) }

// Write says that it is mounted.
func (d MountDir) Write(m *Mount) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return linux.ReplaceFile(filepath.Join(string(d), mountFile), data)
}

// Mounted tells where a container is mounted, nil where it is not. What a namespace that has
// ended left is taken away. That cannot be told from within another rc unshare, where the user's
// processes outside must not be looked at: there the record counts, which SweepMounts on the
// outside keeps true.
func (r Root) Mounted(id string) (*Mount, error) { return MountDir(r.Dir(id)).Mounted() }

// Mounted is the same of any directory.
func (d MountDir) Mounted() (*Mount, error) {
	m, err := readRecord[Mount](filepath.Join(string(d), mountFile))
	if m == nil || err != nil {
		return nil, err
	}
	daemons, used, err := m.holders("/proc")
	if used || err != nil {
		return m, err
	}
	for _, pid := range daemons {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			return nil, fmt.Errorf("end %s of %q: %w", m.Daemon, d.Path(), err)
		}
	}
	return nil, d.Remove()
}

// CheckUnmounted refuses a container that is mounted: its files cannot be mounted twice.
func (r Root) CheckUnmounted(id string) error {
	m, err := r.Mounted(id)
	if m == nil || err != nil {
		return err
	}
	return errs.WithHint(fmt.Errorf("%w: it is mounted on %q by rc mount", errs.ErrInUse, m.Path), "rc unmount "+id[:12]+", in the rc unshare that it was mounted in, or end that")
}

// RemoveMount says that a container is not mounted any more.
func (r Root) RemoveMount(id string) error { return MountDir(r.Dir(id)).Remove() }

// Remove says that it is not mounted any more.
func (d MountDir) Remove() error {
	_ = os.Remove(d.Path()) // an empty directory, which the next mount makes again
	err := os.Remove(filepath.Join(string(d), mountFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// SweepMounts takes away what namespaces that have ended left.
func (r Root) SweepMounts() error {
	list, err := filepath.Glob(filepath.Join(r.containersDir(), "*", mountFile))
	for _, path := range list {
		if id := filepath.Base(filepath.Dir(path)); isID(id) {
			_, oneErr := r.Mounted(id)
			err = errors.Join(err, oneErr)
		}
	}
	return err
}

// holders looks for the processes that have the mount: its daemons, and whether there are others.
func (m *Mount) holders(proc string) (daemons []int, used bool, err error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, false, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join(proc, e.Name())
		ns, err := os.Readlink(filepath.Join(dir, "ns/mnt"))
		if errors.Is(err, fs.ErrPermission) && isOurs(dir) {
			return nil, true, nil // see Mounted
		}
		// Almost all processes are in other namespaces. The number can be a later one's, which
		// does not have the mount then.
		if err != nil || ns != m.Namespace || !mountsOn(dir, m.Path) {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		if m.Daemon == "" || strings.TrimSpace(string(comm)) != m.Daemon {
			return nil, true, nil
		}
		daemons = append(daemons, pid)
	}
	return daemons, false, nil
}

// isOurs says whether a process in /proc is the caller's.
func isOurs(dir string) bool {
	var st unix.Stat_t
	return unix.Stat(dir, &st) == nil && int(st.Uid) == os.Geteuid()
}

// mountsOn says whether a process sees a mount on path.
func mountsOn(dir, path string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "mountinfo"))
	if err != nil {
		return false
	}
	// proc_pid_mountinfo(5): the fifth field, with blanks as octal numbers.
	path = strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(path)
	return strings.Contains(string(data), " "+path+" ")
}
