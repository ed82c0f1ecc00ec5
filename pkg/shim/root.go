package shim

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/overlay"
)

// mountRoot mounts the root filesystem, unless it is a directory to be used as it is.
func (s *server) mountRoot(ctx context.Context) error {
	r := s.plan.Container.Rootfs
	if r.Path != "" && !r.Overlay {
		s.root = r.Path
		return nil
	}
	lower := r.Lower
	if r.Path != "" {
		lower = []string{r.Path}
	}
	lower = append(slices.Clip(lower), s.plan.Skeleton)
	var err error
	dir := s.plan.Records.Dir(s.plan.Container.ID)
	s.root = filepath.Join(dir, mergedDir)
	s.mount, err = s.overlay(ctx, dir, lower)
	return err
}

// mountOverlays mounts what -v SRC:DST:O asked for, so that the init child has nothing but
// a bind mount to make.
func (s *server) mountOverlays(ctx context.Context) error {
	mounts := s.plan.Container.OCI.Mounts
	for i := range mounts {
		m := &mounts[i]
		if m.Type != "overlay" {
			continue
		}
		// pkg/container gives each its directory by the upperdir option.
		options := m.Options[:0:0]
		dir := ""
		for _, option := range m.Options {
			if upper, ok := strings.CutPrefix(option, "upperdir="); ok {
				dir = filepath.Dir(upper)
			} else if !strings.HasPrefix(option, "workdir=") {
				options = append(options, option)
			}
		}
		if _, err := s.overlay(ctx, dir, []string{m.Source}); err != nil {
			return err
		}
		m.Type, m.Source, m.Options = "bind", filepath.Join(dir, mergedDir), append(options, "rbind", "rprivate")
		s.overlays = append(s.overlays, m.Source)
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
	r := s.plan.Container.Rootfs
	return overlay.Mount(ctx, overlay.Root{
		Lower:    lower,
		Upper:    filepath.Join(dir, upperDir),
		Work:     filepath.Join(dir, workDir),
		Target:   filepath.Join(dir, mergedDir),
		Program:  r.MountProgram,
		Volatile: r.Volatile,
	})
}
