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
	return filepath.Join(p.Records.Dir(p.ID), mergedDir)
}

// overlayRoot tells whether the root is mounted, and no directory to be used as it is.
func (p *Plan) overlayRoot() bool { return p.Rootfs.Path == "" || p.Rootfs.Overlay }

// Target is where the overlay is mounted.
func (o Overlay) Target() string { return filepath.Join(o.Dir, mergedDir) }

// mountRoot mounts the root filesystem, and what -v SRC:DST:O asked for.
func (s *server) mountRoot(ctx context.Context) error {
	if s.plan.overlayRoot() {
		r := s.plan.Rootfs
		lower := r.Lower
		if r.Path != "" {
			lower = []string{r.Path}
		}
		choice, err := s.overlay(ctx, s.plan.Records.Dir(s.plan.ID), append(slices.Clip(lower), s.plan.Skeleton))
		if err != nil {
			return err
		}
		s.program = choice.Program
	}
	for _, o := range s.plan.Overlays {
		if _, err := s.overlay(ctx, o.Dir, []string{o.Lower}); err != nil {
			return err
		}
	}
	return nil
}

// MakeOverlay makes the directories of an overlay below dir, for rc. The upper one's mode
// is what the mounted root shows.
func MakeOverlay(dir string) error {
	for _, name := range []string{upperDir, workDir, mergedDir} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// overlay mounts dir/merged of lower and dir/upper.
func (s *server) overlay(ctx context.Context, dir string, lower []string) (overlay.Choice, error) {
	r := s.plan.Rootfs
	choice, err := overlay.Mount(ctx, overlay.Root{
		Lower:    lower,
		Upper:    filepath.Join(dir, upperDir),
		Work:     filepath.Join(dir, workDir),
		Target:   filepath.Join(dir, mergedDir),
		Program:  r.MountProgram,
		Volatile: r.Volatile,
	})
	if err != nil {
		return choice, err
	}
	target := filepath.Join(dir, mergedDir)
	s.mounted = append(s.mounted, target)
	mount, err := tree(target)
	if err == nil {
		s.trees = append(s.trees, mount)
	}
	return choice, err
}
