package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
)

// Dir is below the runtime directory: a file for each container, by its id.
const Dir = "hub"

// Spaces are the namespaces.
type Spaces struct{ User, Net *os.File }

// Close lets go of them.
func (s *Spaces) Close() {
	if s != nil {
		_ = s.User.Close()
		_ = s.Net.Close()
	}
}

// Hub is at one runtime directory.
type Hub struct {
	dir string
	fd  int // where shims hold the network namespace
}

// At is the hub of a runtime directory; fd is the number that shims hold it as.
func At(runRoot string, fd int) *Hub { return &Hub{filepath.Join(runRoot, Dir), fd} }

// Lock is held by whoever looks for the hub until he is registered; closing the file gives it back.
func (h *Hub) Lock() (*os.File, error) { return h.lock("lock") }

// LockLinks is held while interfaces of the hub change.
func (h *Hub) LockLinks() (*os.File, error) { return h.lock("links") }

func (h *Hub) lock(name string) (*os.File, error) {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(h.dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %q: %w", f.Name(), err), f.Close())
		}
	}
}

// Register says that a process holds the hub for the container id: its shim.
func (h *Hub) Register(id string, pid int) error {
	start, err := linux.StartTime(pid)
	if err != nil {
		return err
	}
	return linux.ReplaceFile(filepath.Join(h.dir, id), fmt.Appendf(nil, "%d %d", pid, start))
}

// making is how long a shim may take to make the hub: a thousand times what it takes.
const making = 5 * time.Second

// Find opens the namespaces by way of somebody who is alive, nil where nobody is. The caller
// holds the lock.
func (h *Hub) Find() (*Spaces, error) {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Name()[0] == '.' || e.Name() == "lock" || e.Name() == "links" {
			continue
		}
		path := filepath.Join(h.dir, e.Name())
		m, err := read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !linux.Alive(m.pid, m.start) {
			_ = os.Remove(path) // of the dead
			continue
		}
		if s := h.open(m); s != nil {
			return s, nil
		}
	}
	return nil, nil //nolint:nilnil // nobody is no error
}

// member is a line of a file in the directory.
type member struct {
	pid   int
	start uint64
}

func read(path string) (member, error) {
	var m member
	data, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	_, err = fmt.Sscanf(string(data), "%d %d", &m.pid, &m.start)
	return m, err
}

// open opens both; nil where the process has ended meanwhile. One that is alive and has not made the
// hub yet is waited for.
func (h *Hub) open(m member) *Spaces {
	dir := "/proc/" + strconv.Itoa(m.pid)
	at := dir + "/fd/" + strconv.Itoa(h.fd)
	for deadline := time.Now().Add(making); ; time.Sleep(time.Millisecond) {
		if link, err := os.Readlink(at); err == nil && strings.HasPrefix(link, "net:[") {
			break
		}
		if !linux.Alive(m.pid, m.start) || time.Now().After(deadline) {
			return nil
		}
	}
	user, err := os.Open(dir + "/ns/user")
	if err != nil {
		return nil
	}
	net, err := os.Open(at)
	if err != nil {
		_ = user.Close()
		return nil
	}
	if !linux.Alive(m.pid, m.start) { // somebody else may have had the number
		_ = user.Close()
		_ = net.Close()
		return nil
	}
	return &Spaces{user, net}
}
