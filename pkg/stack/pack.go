package stack

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/archive"
)

// Options say what is packed, and how.
type Options struct {
	// MountPoints are absolute paths in the container that something is mounted on. What is there
	// for that alone is no change.
	MountPoints []string
	// Warn is told what is left out.
	Warn func(error)
	// Entry is told of each header that has been written: content of its size follows.
	Entry func(*tar.Header) error
	// Settle has PackLayer make of upper, which nobody uses any more, the layer that unpacking the archive would
	// give (settle.go).
	Settle bool
	// DotWh leaves whiteouts as ".wh." files when settling.
	DotWh bool
}

// Pack writes what all layers show together, as one tar stream. Mount points are left out where only
// the topmost layer has them.
func Pack(ctx context.Context, w io.Writer, layers Dir, o Options) error {
	p := newPacker(ctx, w, o)
	top := -1
	if len(layers) > 0 && len(o.MountPoints) > 0 {
		top = layers[0]
	}
	if err := p.all(layers, top, ""); err != nil {
		return err
	}
	return p.w.Close()
}

// PackLayer writes what the directory upper changes in lower as an image layer (image-spec, layer.md).
// The cost is that of what changed.
func PackLayer(ctx context.Context, w io.Writer, upper int, lower Dir, o Options) error {
	p := newPacker(ctx, w, o)
	if err := p.root(upper, lower); err != nil {
		return err
	}
	if err := p.changes(upper, lower, ""); err != nil {
		return err
	}
	return p.w.Close()
}

type packer struct {
	w      *archive.Writer
	mounts map[string]bool // see mountPoints
	settle settler
}

func newPacker(ctx context.Context, w io.Writer, o Options) *packer {
	return &packer{
		w:      archive.NewWriter(ctx, w, archive.PackOptions{Layer: true, Warn: o.Warn, Entry: o.Entry}),
		mounts: mountPoints(o.MountPoints), settle: settler{on: o.Settle, dotWh: o.DotWh},
	}
}

// all writes what is in a directory; prefix is its name with a slash, "" for the root. top is the first
// of dir where that is the layer whose mount points are to be left out, else -1.
func (p *packer) all(dir Dir, top int, prefix string) error {
	names, err := dir.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := p.one(dir, top, prefix, name); err != nil {
			return err
		}
	}
	return nil
}

// one writes what a name stands for, with all that is in it.
func (p *packer) one(dir Dir, top int, prefix, name string) error {
	e, err := dir.LookUp(name)
	if e == nil || err != nil {
		return err
	}
	defer e.Close()
	below := -1
	if _, known := p.mounts[prefix+name]; known && top >= 0 {
		is, err := p.childForMounts(top, dir[1:], strings.TrimSuffix(prefix, "/"), name)
		if err != nil {
			return err
		}
		if seen, err := dir[1:].Has(name); err != nil || is == aMountPoint && !seen {
			return err
		}
		fd, _, err := At(top, name)
		if err != nil {
			return err
		}
		if fd >= 0 {
			unix.Close(fd)
			below = e.FD
		}
	}
	if err := p.w.File(e.FD, prefix+name, &e.Stat); err != nil || !e.IsDir() {
		return err
	}
	return p.all(e.Below, below, prefix+name+"/")
}

// root writes an entry for the root directory where its owner or mode have changed.
func (p *packer) root(upper int, lower Dir) error {
	if len(lower) == 0 {
		return nil
	}
	var now, was unix.Stat_t
	if err := errors.Join(unix.Fstat(upper, &now), unix.Fstat(lower[0], &was)); err != nil || alike(&now, &was) {
		return err
	}
	return p.w.File(upper, ".", &now)
}

// alike compares what chown(2) and chmod(2) change.
func alike(a, b *unix.Stat_t) bool {
	return a.Mode == b.Mode && a.Uid == b.Uid && a.Gid == b.Gid
}

// changes writes what one directory of the upper layer changes in those below it.
func (p *packer) changes(upper int, lower Dir, prefix string) error {
	names, err := List(upper)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == OpaqueFile {
			continue // for who wrote the directory's own entry
		}
		if hides, ok := Whiteout(name); ok {
			err = p.whiteout(upper, lower, prefix, name, hides)
		} else {
			err = p.change(upper, lower, prefix, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// whiteout hides what is below, if anything is; mark is what upper has for that.
func (p *packer) whiteout(upper int, lower Dir, prefix, mark, name string) error {
	found, err := lower.Has(name)
	if err != nil {
		return err
	}
	if !found {
		return p.settle.drop(upper, mark)
	}
	if err := p.settle.whiteout(upper, mark, name); err != nil {
		return err
	}
	return p.w.Empty(prefix + WhiteoutPrefix + name)
}

func (p *packer) change(upper int, lower Dir, prefix, name string) error {
	fd, st, err := At(upper, name)
	if err != nil || fd < 0 {
		return err
	}
	defer unix.Close(fd)
	if IsWhiteout(st) {
		return p.whiteout(upper, lower, prefix, name, name)
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if _, known := p.mounts[prefix+name]; !isDir && !known {
		err := p.w.File(fd, prefix+name, st)
		if err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK {
			err = p.settle.drop(upper, name)
		}
		return err
	}
	below, err := lower.LookUp(name)
	if err != nil {
		return err
	}
	if below != nil {
		defer below.Close()
	}
	pointless, err := p.forMounts(fd, st, below, prefix+name)
	if err != nil {
		return err
	}
	if pointless {
		return p.settle.drop(upper, name)
	}
	if err := p.w.File(fd, prefix+name, st); err != nil || !isDir {
		return err
	}
	var under Dir
	if below != nil {
		under = below.Below
	}
	opaque := under != nil && IsOpaque(fd)
	if opaque {
		if err := p.w.Empty(path.Join(prefix+name, OpaqueFile)); err != nil {
			return err
		}
		under = nil
	}
	if err := p.settle.opaque(fd, opaque); err != nil {
		return err
	}
	if err := p.changes(fd, under, prefix+name+"/"); err != nil {
		return err
	}
	return p.settle.times(fd, st)
}

// mountPoints has each path, without the slash it begins with, as true, and the directories on
// the way there as false.
func mountPoints(paths []string) map[string]bool {
	all := map[string]bool{}
	for _, p := range paths {
		p = path.Clean("/" + p)[1:]
		for dir := path.Dir(p); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if !all[dir] {
				all[dir] = false
			}
		}
		if p != "" {
			all[p] = true
		}
	}
	return all
}

// forMounts says whether something is there only for what is mounted on it, or in it: empty
// files and directories that were made to mount on, and directories that have nothing else.
func (p *packer) forMounts(fd int, st *unix.Stat_t, below *Entry, name string) (bool, error) {
	point, known := p.mounts[name]
	if !known {
		return false, nil
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return point && below == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Size == 0, nil
	}
	var under Dir
	if below != nil {
		if !below.IsDir() || !alike(st, &below.Stat) || IsOpaque(fd) {
			return false, nil
		}
		under = below.Below
	}
	names, err := List(fd)
	if err != nil {
		return false, err
	}
	for _, child := range names {
		switch is, err := p.childForMounts(fd, under, name, child); {
		case err != nil || is == aChange:
			return false, err
		case is == aMountPoint:
			point = true
		}
	}
	return point, nil
}

// What a name in a directory with mount points is.
const (
	aChange = iota
	aMountPoint
	nothing
)

func (p *packer) childForMounts(dir int, lower Dir, parent, name string) (int, error) {
	if name == OpaqueFile {
		return nothing, nil
	}
	fd, st, err := At(dir, name)
	if err != nil || fd < 0 {
		return nothing, err
	}
	defer unix.Close(fd)
	hides, isMark := Whiteout(name)
	if IsWhiteout(st) && !isMark {
		hides, isMark = name, true
	}
	if isMark {
		found, err := lower.Has(hides)
		if err != nil || found {
			return aChange, err
		}
		return nothing, nil // such as fuse-overlayfs makes in every new directory
	}
	below, err := lower.LookUp(name)
	if err != nil {
		return aChange, err
	}
	if below != nil {
		defer below.Close()
	}
	if pointless, err := p.forMounts(fd, st, below, strings.TrimPrefix(parent+"/"+name, "/")); err != nil || !pointless {
		return aChange, err
	}
	return aMountPoint, nil
}
