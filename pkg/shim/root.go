package shim

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/rc-containers/rc/pkg/overlay"
)

// Trees are the mounts of a plan that the first process gets from the shim, for
// oci.Config: what the shim mounts comes too late to be in the process's mount namespace.
func (p *Plan) Trees() []string {
	var trees []string
	if p.overlayRoot() {
		trees = append(trees, p.Root())
	}
	for _, o := range p.Overlays {
		trees = append(trees, o.Target())
	}
	return trees
}

// Root is where the root filesystem is.
func (p *Plan) Root() string {
	if !p.overlayRoot() {
		return p.Rootfs.Path
	}
	return filepath.Join(p.Skeleton, SkeletonRoot)
}

// overlayRoot tells whether the root is mounted, and no directory to be used as it is.
func (p *Plan) overlayRoot() bool { return p.Rootfs.Path == "" || p.Rootfs.Overlay }

// Target is where the overlay is mounted.
func (o Overlay) Target() string { return filepath.Join(o.Dir, mergedDir) }

// mountRoot mounts the root filesystem, and what -v SRC:DST:O asked for.
func (s *server) mountRoot(ctx context.Context) error {
	if !ownPIDs() {
		before := children()
		defer func() {
			s.mounters = slices.DeleteFunc(children(), func(pid int) bool { return slices.Contains(before, pid) })
		}()
	}
	if s.plan.overlayRoot() {
		r := s.plan.Rootfs
		lower := r.Lower
		if r.Path != "" {
			lower = []string{r.Path}
		}
		lower = append(slices.Clip(lower), filepath.Join(s.plan.Skeleton, SkeletonLower))
		choice, err := s.overlay(ctx, s.plan.Records.Dir(s.plan.ID), s.plan.Root(), lower)
		if err != nil {
			return err
		}
		s.program = choice.Program
	}
	for _, o := range s.plan.Overlays {
		if _, err := s.overlay(ctx, o.Dir, o.Target(), []string{o.Lower}); err != nil {
			return err
		}
	}
	return s.cloneTrees()
}

// MakeUpper makes below dir what a mount writes to, for rc. The upper directory's mode is
// what the mounted root shows.
func MakeUpper(dir string) error {
	for _, name := range []string{upperDir, workDir} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Make makes the directories of the overlay, for rc.
func (o Overlay) Make() error {
	if err := MakeUpper(o.Dir); err != nil {
		return err
	}
	return os.Mkdir(o.Target(), 0o755)
}

// overlay mounts lower, with dir/upper above it, on target.
func (s *server) overlay(ctx context.Context, dir, target string, lower []string) (overlay.Choice, error) {
	r := s.plan.Rootfs
	choice, err := overlay.Mount(ctx, overlay.Root{
		Lower:    lower,
		Upper:    filepath.Join(dir, upperDir),
		Work:     filepath.Join(dir, workDir),
		Target:   target,
		Program:  r.MountProgram,
		Volatile: r.Volatile,
	})
	if err != nil {
		return choice, err
	}
	s.mounted = append(s.mounted, target)
	return choice, nil
}

// cloneTrees makes the copies of what is mounted that a first process gets.
func (s *server) cloneTrees() error {
	for _, target := range s.mounted {
		mount, err := tree(target)
		if err != nil {
			return err
		}
		s.trees = append(s.trees, mount)
	}
	return nil
}
