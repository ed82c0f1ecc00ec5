package shim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
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
	for _, part := range p.Parts {
		trees = append(trees, part.Key)
	}
	for _, b := range p.Binds {
		trees = append(trees, b.Source)
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
	for _, o := range s.plan.Owners {
		if err := o.give(); err != nil {
			return err
		}
	}
	if s.plan.overlayRoot() {
		r := s.plan.Rootfs
		lower := r.Lower
		if r.Path != "" {
			lower = []string{r.Path}
		}
		lower = append(slices.Clip(lower), filepath.Join(s.plan.Skeleton, SkeletonLower))
		own := s.plan.Records.Dir(s.plan.ID)
		root := overlay.Root{Upper: filepath.Join(own, upperDir), Work: filepath.Join(own, workDir), Target: s.plan.Root(), Lower: lower}
		if r.Upper != "" {
			root.Upper, root.Work = r.Upper, r.Work
		}
		if !oneID() {
			root.UIDs, root.GIDs = s.plan.UIDs, s.plan.GIDs
		}
		choice, err := s.overlay(ctx, root)
		if err != nil {
			return err
		}
		s.program = choice.Program
		if err := s.notePoints(); err != nil {
			return err
		}
	}
	for _, o := range s.plan.Overlays {
		if err := s.mountOverlay(ctx, o); err != nil {
			return err
		}
	}
	if err := s.fillVolumes(); err != nil {
		return err
	}
	return s.cloneTrees()
}

// give changes the file.
func (o *Owner) give() error {
	err := unix.Fchownat(unix.AT_FDCWD, o.Path, int(o.UID), int(o.GID), unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.EINVAL) {
		return errs.WithHint(fmt.Errorf("owner %d:%d of %q: the container has no such id", o.UID, o.GID, o.Path),
			"take ids that it has: see /proc/self/uid_map in it")
	}
	if err == nil {
		err = os.Chmod(o.Path, os.FileMode(o.Mode))
	}
	if err != nil {
		return fmt.Errorf("owner %d:%d of %q: %w", o.UID, o.GID, o.Path, err)
	}
	return nil
}

// oneID tells whether the user has no subordinate ids: then all on disk is one owner's, and shown as such.
func oneID() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	fields := strings.Fields(string(ids))
	return err == nil && len(fields) == 3 && fields[2] == "1"
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

// Mount is the overlay as package overlay mounts it.
func (o Overlay) Mount(program string, volatile bool) overlay.Root {
	r := overlay.Root{
		Lower: o.Lower, Upper: filepath.Join(o.Dir, upperDir), Work: filepath.Join(o.Dir, workDir),
		Target: o.Target(), Program: cmp.Or(o.Program, program), Volatile: volatile,
	}
	if o.Upper != "" {
		r.Upper, r.Work, r.Volatile = o.Upper, o.Work, false // they stay
	}
	if o.ReadOnly {
		// Without an upper directory it takes two.
		r.Lower, r.Upper, r.Work = append(slices.Clip(o.Lower), r.Upper), "", ""
	}
	return r
}

// mountOverlay mounts what -v SRC:DST:O asked for, or an image.
func (s *server) mountOverlay(ctx context.Context, o Overlay) error {
	r := o.Mount(s.plan.Rootfs.MountProgram, s.plan.Rootfs.Volatile)
	if o.Shift {
		r.UIDs, r.GIDs = s.plan.UIDs, s.plan.GIDs
	}
	if _, err := overlay.Mount(ctx, r); err != nil {
		return err
	}
	s.mounted = append(s.mounted, r.Target)
	return nil
}

// overlay mounts the root.
func (s *server) overlay(ctx context.Context, r overlay.Root) (overlay.Choice, error) {
	r.Program, r.Volatile = s.plan.Rootfs.MountProgram, s.plan.Rootfs.Volatile
	choice, err := overlay.Mount(ctx, r)
	if err != nil {
		return choice, err
	}
	s.mounted = append(s.mounted, r.Target)
	return choice, nil
}

// cloneTrees makes the copies of what is mounted that a first process gets.
func (s *server) cloneTrees() error {
	for _, target := range s.mounted {
		mount, err := tree(target, true)
		if err != nil {
			return fmt.Errorf("copy mount %q: %w", target, err)
		}
		s.trees = append(s.trees, mount)
	}
	for _, b := range s.plan.Binds {
		mount, err := tree(b.Source, b.Recursive)
		if errors.Is(err, unix.EINVAL) && !b.Recursive {
			// mount_namespaces(7): a mount below may hide something, so it has to come along.
			err = errs.WithHint(err, "something is mounted below the source: use rbind")
		}
		if err != nil {
			return fmt.Errorf("mount %q on %q: %w", b.Source, b.Target, err)
		}
		s.trees = append(s.trees, mount)
	}
	for i := range s.plan.Parts {
		mount, err := s.plan.Parts[i].Open()
		if err != nil {
			return err
		}
		s.trees = append(s.trees, mount)
	}
	return nil
}
