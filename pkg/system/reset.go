package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/userns"
)

// WipeVerb is rc's hidden verb that calls Wipe, in the default map.
const WipeVerb = "__wipe"

// What rc makes in the data root, and in the runtime directory.
const (
	dataNames = `^(containers|names|volumes|trash|build|networks|manifests(\.lock)?|images|images\.lock|index\.json|\.index\.json\..*|storage|seccomp|secrets|skeleton-.*|told-.*|\.rc-doctor-.*)$`
	runNames  = `^(containers|steps|networks|hub|image-mounts|events(\.[0-9]+)?|storage)$`
)

// CheckReset refuses to take away what does not look like rc's: a directory with other things in
// it, or with links out of it.
func CheckReset(cfg *config.Config) error {
	for _, place := range []struct{ flag, dir, pattern string }{
		{"--root", cfg.DataRoot, dataNames}, {"--runroot", cfg.RunRoot, runNames},
	} {
		entries, err := os.ReadDir(place.dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("system reset: %w", err)
		}
		pattern := regexp.MustCompile(place.pattern)
		for _, e := range entries {
			if !pattern.MatchString(e.Name()) {
				return errs.WithHint(errs.Invalidf("system reset: %s %q: it has %q in it, which rc did not make", place.flag, place.dir, e.Name()),
					"move it away")
			}
			if e.Type() == fs.ModeSymlink {
				return errs.WithHint(errs.Invalidf("system reset: %s %q: %q in it is a symbolic link", place.flag, place.dir, e.Name()),
					"remove what it leads to, and the link")
			}
		}
	}
	return nil
}

// Reset stops and removes all containers of the data root, deletes its images, and then the
// directory itself with files of subordinate ids. Containers of other roots that share the
// runtime directory are left alone.
func Reset(ctx context.Context, cfg *config.Config) error {
	if err := CheckReset(cfg); err != nil {
		return err
	}
	if !exists(cfg.DataRoot) {
		return wipeRun(cfg)
	}
	if exists(cfg.StorageRoot()) {
		pulls, err := index.Flock(ctx, filepath.Join(cfg.StorageRoot(), "pulls.lock"), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, index.ErrLocked) {
			return fmt.Errorf("system reset: images are being pulled: %w", errs.ErrInUse)
		}
		if err != nil {
			return fmt.Errorf("system reset: %w", err)
		}
		defer pulls.Release()
	}
	if err := removeContainers(ctx, records.Of(cfg)); err != nil {
		return fmt.Errorf("system reset: %w", err)
	}
	// Nobody makes a container of an image meanwhile.
	lock, err := index.Hold(ctx, cfg, false)
	if err != nil {
		return fmt.Errorf("system reset: %w", err)
	}
	defer lock.Release()
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return fmt.Errorf("system reset: %w", err)
	}
	code, err := userns.Reexec(ctx, ids, []string{"--root", cfg.DataRoot, "--runroot", cfg.RunRoot, WipeVerb})
	if err == nil && code != 0 {
		return errs.Exit(code) // it has said why
	}
	if err != nil {
		return fmt.Errorf("system reset: %w", err)
	}
	return wipeRun(cfg)
}

// removeContainers removes all, side by side: each has its own time to stop.
func removeContainers(ctx context.Context, root state.Root) error {
	ids, err := root.IDs("")
	if err != nil {
		return err
	}
	problems := make([]error, len(ids))
	var wait sync.WaitGroup
	for i, id := range ids {
		wait.Go(func() {
			err := lifecycle.Remove(ctx, root, id, lifecycle.RemoveOptions{Force: true})
			if errors.Is(err, errs.ErrNotFound) {
				// Not one yet: what a killed creation left.
				err = lifecycle.Reap(ctx, root, id)
			}
			problems[i] = err
		})
	}
	wait.Wait()
	return errors.Join(problems...)
}

// Wipe deletes what is in the data root, and the directory where that may be.
func Wipe(cfg *config.Config) error {
	if err := CheckReset(cfg); err != nil {
		return err
	}
	entries, err := os.ReadDir(cfg.DataRoot)
	if err != nil {
		return err
	}
	var all error
	for _, e := range entries {
		all = errors.Join(all, os.RemoveAll(filepath.Join(cfg.DataRoot, e.Name())))
	}
	if errors.Is(all, fs.ErrPermission) {
		all = errs.WithHint(fmt.Errorf("%w (they belong to ids that are not yours, or not any more)", all), "sudo rm -rf '"+cfg.DataRoot+"'")
	}
	if all != nil {
		return all
	}
	err = os.Remove(cfg.DataRoot)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EROFS) {
		return nil // it was made for rc by somebody else: empty is enough
	}
	return err
}

// wipeRun deletes the runtime directory, unless containers of another data root have theirs in it.
func wipeRun(cfg *config.Config) error {
	err := os.RemoveAll(cfg.StorageRunRoot())
	if rmErr := os.Remove(filepath.Join(cfg.RunRoot, "containers")); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
		return err
	}
	return errors.Join(err, os.RemoveAll(cfg.RunRoot))
}
