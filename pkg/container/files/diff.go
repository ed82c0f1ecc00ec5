package files

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// Kinds of a change.
const (
	Added   = "A"
	Changed = "C"
	Deleted = "D"
)

// Change is what a container has done to one path of its image.
type Change struct {
	Kind string // of the constants above
	Path string // absolute in the container
}

// ContainerDiff is what a container has changed: it looks at what was written, and for each
// name of that at the layers, so that the cost is that of what changed. skeleton is that of
// container.Skeleton. It must run in the default map; the container may run meanwhile.
func ContainerDiff(records state.Root, c *spec.Container, skeleton string) ([]Change, error) {
	r := c.Rootfs
	if r.Path != "" && !r.Overlay {
		return nil, errs.Unsupportedf("container %q: its root is the directory %q as it is: there is nothing to compare with", c.Name, r.Path)
	}
	lower := slices.Clone(r.Lower)
	if r.Path != "" {
		lower = []string{r.Path}
	}
	lower = append(lower, filepath.Join(skeleton, shim.SkeletonLower))
	mountPoints := map[string]bool{}
	for _, m := range c.OCI.Mounts {
		mountPoints[filepath.Clean("/"+m.Destination)] = true
	}
	for _, s := range c.Secrets {
		if s.Type == spec.SecretMount {
			mountPoints[s.Target] = true
		}
	}
	return LayerDiff(filepath.Join(records.Dir(c.ID), "upper"), lower, mountPoints)
}

// LayerDiff is what the layer upper changes in those below it, topmost first, in the order of
// paths. mountPoints that upper has only to mount on are left out.
func LayerDiff(upper string, lower []string, mountPoints map[string]bool) ([]Change, error) {
	d := &differ{mountPoints: mountPoints}
	if err := d.directory("/", upper, existing(lower), false); err != nil {
		return nil, err
	}
	slices.SortFunc(d.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return d.changes, nil
}

type differ struct {
	mountPoints map[string]bool
	changes     []Change
	leftOut     int // mount points, and directories that have nothing else
}

func (d *differ) note(kind, path string) { d.changes = append(d.changes, Change{kind, path}) }

// existing are those layers that can be looked at: of a directory that only some have.
func existing(layers []string) []string {
	return slices.DeleteFunc(slices.Clone(layers), func(dir string) bool {
		info, err := os.Lstat(dir)
		return err != nil || !info.IsDir()
	})
}

// directory compares one directory of upper with those that lie below it. opaque is of the
// directory: nothing below it shows through.
func (d *differ) directory(path, upper string, lower []string, opaque bool) error {
	entries, err := os.ReadDir(upper)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, e := range entries {
		if name, ok := dotWhiteout(e.Name()); ok {
			there[name] = true
			d.gone(filepath.Join(path, name), name, lower)
			continue
		}
		if e.Name() == opaqueFile {
			continue
		}
		there[e.Name()] = true
		if err := d.entry(path, upper, lower, e); err != nil {
			return err
		}
	}
	if !opaque {
		return nil
	}
	names, err := d.names(lower)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !there[name] {
			d.gone(filepath.Join(path, name), name, lower)
		}
	}
	return nil
}

func (d *differ) entry(dir, upper string, lower []string, e fs.DirEntry) error {
	path, full := filepath.Join(dir, e.Name()), filepath.Join(upper, e.Name())
	var st unix.Stat_t
	if err := unix.Lstat(full, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return nil // the container runs
		}
		return &fs.PathError{Op: "lstat", Path: full, Err: err}
	}
	if isWhiteout(&st) {
		d.gone(path, e.Name(), lower)
		return nil
	}
	below, found := lookUp(lower, e.Name())
	kind := Added
	if found {
		kind = Changed
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if !found && d.mountPoints[path] && st.Size == 0 {
			d.leftOut++
			return nil
		}
		d.note(kind, path)
		return nil
	}
	changes, leftOut := len(d.changes), d.leftOut
	if err := d.directory(path, full, below, isOpaque(full)); err != nil {
		return err
	}
	if len(d.changes) == changes && (d.leftOut > leftOut || d.mountPoints[path]) {
		d.leftOut++ // it is there for mount points alone
		return nil
	}
	d.note(kind, path)
	return nil
}

// gone notes what a whiteout hides; it may hide nothing.
func (d *differ) gone(path, name string, lower []string) {
	if _, found := lookUp(lower, name); found {
		d.note(Deleted, path)
	}
}

// names are those of the directory that the layers make together.
func (d *differ) names(lower []string) ([]string, error) {
	seen := map[string]bool{}
	for _, dir := range lower {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, hides := dotWhiteout(e.Name()); !hides && e.Name() != opaqueFile {
				seen[e.Name()] = true
			}
		}
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	return names, nil
}

// lookUp looks name up in a directory that several layers have. below are those of the
// directory name that show through.
func lookUp(lower []string, name string) (below []string, found bool) {
	for _, dir := range lower {
		full := filepath.Join(dir, name)
		var st unix.Stat_t
		if unix.Lstat(full, &st) != nil {
			if hidden(dir, name) {
				break
			}
			continue
		}
		if isWhiteout(&st) {
			break
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return below, true // seen, or hidden by a directory above it
		}
		below, found = append(below, full), true
		if isOpaque(full) || hidden(dir, name) {
			break
		}
	}
	return below, found
}

// Names by which fuse-overlayfs, and layers on disks without attributes, hide what is below.
const (
	whiteoutPrefix = ".wh."
	opaqueFile     = ".wh..wh..opq"
)

func dotWhiteout(name string) (string, bool) {
	hidden, ok := strings.CutPrefix(name, whiteoutPrefix)
	return hidden, ok && name != opaqueFile
}

func hidden(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, whiteoutPrefix+name))
	return err == nil
}

// isWhiteout: a character device 0/0, of the kernel's overlayfs and of fuse-overlayfs.
func isWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// isOpaque says whether a directory hides those of the same name below it.
func isOpaque(dir string) bool {
	for _, name := range []string{"user.overlay.opaque", "user.fuseoverlayfs.opaque", "trusted.overlay.opaque"} {
		var value [1]byte
		if n, err := unix.Lgetxattr(dir, name, value[:]); err == nil && n == 1 && value[0] == 'y' {
			return true
		}
	}
	_, err := os.Lstat(filepath.Join(dir, opaqueFile))
	return err == nil
}

func (c Change) String() string { return fmt.Sprintf("%s %s", c.Kind, c.Path) }
