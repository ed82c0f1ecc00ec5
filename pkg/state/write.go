package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// writeRecord writes a file so that readers and crashes find the old one or the new one,
// whole. A durable one survives a power cut once its directory is synced, too.
func writeRecord(path string, v any, durable bool) error {
	data, err := encode(v)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	// The pid keeps two writers apart; whoever renames last wins.
	temp := path + "." + strconv.Itoa(os.Getpid())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write record: %w", err), os.Remove(temp))
	}
	return nil
}

// encode is JSON: the record's own, where it is written on the way to a start.
func encode(v any) ([]byte, error) {
	if r, ok := v.(interface{ JSON() []byte }); ok {
		return r.JSON(), nil
	}
	return json.Marshal(v)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteContainer makes the container exist: container.json, then summary.json. They
// survive a power cut, but for a container with Remove, which has no summary.json.
func (d *Dir) WriteContainer(c *spec.Container) error {
	if c.ID != d.ID || c.Name != d.Name {
		return fmt.Errorf("record of %s %q: the directory is that of %s %q", c.ID, c.Name, d.ID, d.Name)
	}
	durable := !c.Remove
	if err := writeRecord(filepath.Join(d.Path(), containerFile), c, durable); err != nil {
		return err
	}
	if !durable {
		return nil // a reader takes container.json for the summary: one file less for a short life
	}
	if err := writeRecord(filepath.Join(d.Path(), summaryFile), d.root.summary(c), durable); err != nil {
		return err
	}
	for _, dir := range []string{d.Path(), d.root.containersDir(), d.root.namesDir()} {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("sync %q: %w", dir, err)
		}
	}
	return nil
}

// WriteState says that a container runs.
func (r Root) WriteState(id string, s *spec.State) error {
	return writeRecord(filepath.Join(r.RunDir(id), stateFile), s, false)
}

// WriteExit says how a container ended. One without Finished is what the shim writes at
// the start, for the case that it will not be able to at the end.
func (r Root) WriteExit(id string, e *spec.Exit) error {
	return writeRecord(filepath.Join(r.Dir(id), exitFile), e, false)
}

// WriteHealth says how well a container is.
func (r Root) WriteHealth(id string, h *spec.HealthState) error {
	return writeRecord(filepath.Join(r.RunDir(id), healthFile), h, false)
}

// WriteNetwork says how a container is connected; data is a spec.NetworkState.
func (r Root) WriteNetwork(id string, data []byte) error {
	return linux.ReplaceFile(filepath.Join(r.RunDir(id), networkFile), data)
}

// Network says how a container that runs is connected; it is zero where nothing is known.
func (r Root) Network(id string) spec.NetworkState {
	n, err := readRecord[spec.NetworkState](filepath.Join(r.RunDir(id), networkFile))
	if err != nil || n == nil {
		return spec.NetworkState{} // without a network of its own, or not up yet
	}
	return *n
}

// MarkStopped notes that a user stops the container, before it is stopped: its shim will not
// start it anew.
func (r Root) MarkStopped(id string) error {
	return linux.ReplaceFile(filepath.Join(r.RunDir(id), stoppedFile), nil)
}

// ClearStopped takes MarkStopped back, for a new start.
func (r Root) ClearStopped(id string) error {
	err := os.Remove(filepath.Join(r.RunDir(id), stoppedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// StopMarked says whether MarkStopped was called.
func (r Root) StopMarked(id string) bool {
	return !missing(filepath.Join(r.RunDir(id), stoppedFile))
}

// summary is what ps needs of a container.
func (r Root) summary(c *spec.Container) *spec.Summary {
	s := &spec.Summary{
		Requires: c.Requires,
		ID:       c.ID, Name: c.Name, Image: c.Image.Name, ImageID: c.Image.ID, Created: c.Created, Labels: c.Labels,
		Volumes: Volumes(c), MountedImages: mountedImages(c),
		Network: c.Network.Names(), Remove: c.Remove, Mounts: UserMounts(r, c), Restart: c.Restart.Policy, Health: c.Health != nil,
		Ports: c.Network.Ports, Expose: c.Network.Expose, Rate: c.Network.Rate.String(),
	}
	if c.OCI.Process != nil {
		s.Command = c.OCI.Process.Args
	}
	return s
}

// UserMounts are the destinations of what the user or the image mounts: not those of every
// container (/proc, /dev), nor the files that rc makes for it (/etc/hosts).
func UserMounts(r Root, c *spec.Container) []string {
	var out []string
	for _, m := range c.OCI.Mounts {
		if IsUserMount(r, c, m) {
			out = append(out, m.Destination)
		}
	}
	return out
}

// IsUserMount says whether a mount is one that a user or an image asked for.
func IsUserMount(r Root, c *spec.Container, m specs.Mount) bool {
	if m.Type == spec.TypeVolume || m.Type == spec.TypeImage {
		return true
	}
	bind := m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
	return bind && m.Source != "" && !strings.HasPrefix(m.Source, r.runsDir()+"/") && !strings.HasPrefix(m.Destination, "/dev/") &&
		!strings.HasPrefix(m.Source, "/proc/") && !strings.HasPrefix(m.Source, "/sys/")
}

// flock waits for a lock, or with unix.LOCK_NB gives unix.EWOULDBLOCK.
func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
