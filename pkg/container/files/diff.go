package files

import (
	"cmp"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/stack"
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
func ContainerDiff(root state.Root, c *spec.Container, skeleton string) ([]Change, error) {
	r := c.Rootfs
	if r.Path != "" && !r.Overlay {
		return nil, errs.Unsupportedf("container %q: its root is the directory %q as it is: there is nothing to compare with", c.Name, r.Path)
	}
	lower := slices.Clone(r.Lower)
	if r.Path != "" {
		lower = []string{r.Path}
	}
	lower = append(lower, filepath.Join(skeleton, shim.SkeletonLower))
	return LayerDiff(filepath.Join(root.Dir(c.ID), "upper"), lower, MountPoints(c))
}

// MountPoints are the paths in a container that something is mounted on.
func MountPoints(c *spec.Container) map[string]bool {
	points := map[string]bool{}
	for _, m := range c.OCI.Mounts {
		points[filepath.Clean("/"+m.Destination)] = true
	}
	for _, s := range c.Secrets {
		if s.Type == spec.SecretMount {
			points[s.Target] = true
		}
	}
	return points
}

// LayerDiff is what the layer upper changes in those below it, topmost first, in the order of
// paths. mountPoints that upper has only to mount on are left out.
func LayerDiff(upper string, lower []string, mountPoints map[string]bool) ([]Change, error) {
	top, err := stack.Open(upper)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	below, err := stack.Open(lower...)
	if err != nil {
		return nil, err
	}
	defer below.Close()
	d := &differ{mountPoints: mountPoints}
	for _, fd := range top {
		if err := d.directory("/", fd, below, false); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(d.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return d.changes, nil
}

// Compare says what has to be done to the files of old, which several layers make together, to get those of
// now. Files are the same that have the same type, owner, mode, size and time. mountPoints that only now has,
// and has to mount on, are left out.
func Compare(old, now stack.Dir, mountPoints map[string]bool) ([]Change, error) {
	d := &differ{mountPoints: mountPoints}
	if _, err := d.compare("/", old, now); err != nil {
		return nil, err
	}
	slices.SortFunc(d.changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return d.changes, nil
}

// compare compares a directory that both have; changed says whether something in it is not the same.
func (d *differ) compare(path string, old, now stack.Dir) (changed bool, err error) {
	names, err := slices.Concat(old, now).Names()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		one, err := d.compareName(filepath.Join(path, name), name, old, now)
		if err != nil {
			return false, err
		}
		changed = changed || one
	}
	return changed, nil
}

func (d *differ) compareName(path, name string, old, now stack.Dir) (bool, error) {
	before, err := old.LookUp(name)
	if err != nil {
		return false, err
	}
	if before != nil {
		defer before.Close()
	}
	after, err := now.LookUp(name)
	if err != nil {
		return false, err
	}
	if after != nil {
		defer after.Close()
	}
	switch {
	case after == nil && before == nil:
		return false, nil
	case after == nil:
		d.note(Deleted, path)
		return true, nil
	case before == nil:
		return d.added(path, after)
	case !after.IsDir() || !before.IsDir():
		if same(&before.Stat, &after.Stat) {
			return false, nil
		}
		d.note(Changed, path)
		if after.IsDir() {
			_, err = d.compare(path, nil, after.Below)
		}
		return true, err
	}
	at := len(d.changes)
	changed, err := d.compare(path, before.Below, after.Below)
	if changed || !same(&before.Stat, &after.Stat) {
		d.changes = slices.Insert(d.changes, at, Change{Changed, path})
		changed = true
	}
	return changed, err
}

func (d *differ) added(path string, e *stack.Entry) (bool, error) {
	at := len(d.changes)
	if e.IsDir() {
		if _, err := d.compare(path, nil, e.Below); err != nil {
			return false, err
		}
	}
	if d.mountPoints[path] && len(d.changes) == at {
		return false, nil
	}
	d.note(Added, path)
	return true, nil
}

// same compares what stat(2) tells. Times of directories change with what is in them.
func same(a, b *unix.Stat_t) bool {
	if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || a.Rdev != b.Rdev {
		return false
	}
	return a.Mode&unix.S_IFMT == unix.S_IFDIR || a.Size == b.Size && a.Mtim.Sec == b.Mtim.Sec
}

type differ struct {
	mountPoints map[string]bool
	changes     []Change
	leftOut     int // mount points, and directories that have nothing else
}

func (d *differ) note(kind, path string) { d.changes = append(d.changes, Change{kind, path}) }

// directory compares one directory of upper with those that lie below it. opaque is of the
// directory: nothing below it shows through.
func (d *differ) directory(path string, upper int, lower stack.Dir, opaque bool) error {
	names, err := stack.List(upper)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, name := range names {
		if hides, ok := stack.Whiteout(name); ok {
			there[hides] = true
			err = d.gone(path, hides, lower)
		} else if name != stack.OpaqueFile {
			there[name] = true
			err = d.entry(path, upper, lower, name)
		}
		if err != nil {
			return err
		}
	}
	if !opaque {
		return nil
	}
	if names, err = lower.Names(); err != nil {
		return err
	}
	for _, name := range names {
		if !there[name] {
			if err := d.gone(path, name, lower); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *differ) entry(dir string, upper int, lower stack.Dir, name string) error {
	path := filepath.Join(dir, name)
	fd, st, err := stack.At(upper, name)
	if err != nil || fd < 0 {
		return err // the container runs, and has removed it
	}
	defer unix.Close(fd)
	if stack.IsWhiteout(st) {
		return d.gone(dir, name, lower)
	}
	below, err := lower.LookUp(name)
	if err != nil {
		return err
	}
	kind := Added
	var under stack.Dir
	if below != nil {
		defer below.Close()
		kind, under = Changed, below.Below
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if below == nil && d.mountPoints[path] && st.Size == 0 {
			d.leftOut++
			return nil
		}
		d.note(kind, path)
		return nil
	}
	changes, leftOut := len(d.changes), d.leftOut
	if err := d.directory(path, fd, under, stack.IsOpaque(fd)); err != nil {
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
func (d *differ) gone(dir, name string, lower stack.Dir) error {
	found, err := lower.Has(name)
	if found {
		d.note(Deleted, filepath.Join(dir, name))
	}
	return err
}
