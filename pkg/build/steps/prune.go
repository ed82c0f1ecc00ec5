package steps

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/index"
)

// PruneOptions say what is deleted. What a running build uses never is.
type PruneOptions struct {
	// All deletes what images have as well. Without it that stays: the space is not free before the image goes.
	All bool `json:"all,omitempty"`
	// Before leaves what was used since.
	Before time.Time `json:"before,omitzero"`
	// IDs, Types and Texts, where there are any, name what may go: beginnings of ids, types, parts of texts.
	IDs   []string `json:"ids,omitempty"`
	Types []string `json:"types,omitempty"`
	Texts []string `json:"texts,omitempty"`
	// Keep is how many bytes may stay, of what was used last; 0 is none.
	Keep int64 `json:"keep,omitempty"`
}

// Pruned is what was deleted.
type Pruned struct {
	IDs []string `json:"ids,omitempty"`
	// Freed counts bytes.
	Freed int64 `json:"freed"`
}

// Types are what Entry.Type may be.
func Types() []string { return []string{Regular, CacheDir, Digest} }

// Check refuses what no entry can be.
func (o PruneOptions) Check() error {
	for _, t := range o.Types {
		if !slices.Contains(Types(), t) {
			return errs.Invalidf("type %q: want one of %s", t, strings.Join(Types(), ", "))
		}
	}
	if o.Keep < 0 {
		return errs.Invalidf("%d bytes to keep: want 0 or more", o.Keep)
	}
	return nil
}

// Select chooses what goes of entries, which are sorted as List does.
func (o PruneOptions) Select(all []Entry) []Entry {
	var out []Entry
	var kept []Entry
	for _, e := range all {
		switch {
		case e.InUse || e.Shared && !o.All || !o.Matches(e):
			kept = append(kept, e)
		case o.Keep > 0 && Size(append(slices.Clip(kept), e)) <= o.Keep:
			kept = append(kept, e)
		default:
			out = append(out, e)
		}
	}
	return out
}

// Matches says whether an entry is what Before, IDs, Types and Texts want.
func (o PruneOptions) Matches(e Entry) bool {
	if !o.Before.IsZero() && !e.Used.Before(o.Before) {
		return false
	}
	if len(o.IDs) > 0 && !slices.ContainsFunc(o.IDs, func(id string) bool { return strings.HasPrefix(e.ID, id) }) {
		return false
	}
	if len(o.Types) > 0 && !slices.Contains(o.Types, e.Type) {
		return false
	}
	return len(o.Texts) == 0 || slices.ContainsFunc(o.Texts, func(text string) bool { return strings.Contains(e.Text, text) })
}

// Delete deletes an entry, but for a step's layer. false says that somebody uses it. The caller holds index.Hold
// exclusively.
func Delete(ctx context.Context, cfg *config.Config, e Entry) (bool, error) {
	switch e.Type {
	case Regular:
		return true, Forget(cfg, e.ID)
	case Digest:
		return true, ignoreGone(os.Remove(Path(cfg, e)))
	}
	dir := Path(cfg, e)
	lock, err := index.Flock(ctx, filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, index.ErrLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.Release()
	// Without its info what is left after a kill is deleted by its next user.
	for _, name := range []string{infoFile, "data"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return false, err
		}
	}
	return true, os.RemoveAll(dir)
}

// mountInUse says whether a step has the directory mounted.
func mountInUse(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// Sweep deletes what killed builds have left besides layers. The caller holds index.Hold exclusively.
func Sweep(ctx context.Context, cfg *config.Config) error {
	_, err := Pinned(cfg)
	return errors.Join(err, sweepLocks(ctx, cfg), sweepTemporary(cfg))
}

// sweepTemporary deletes files that were never renamed.
func sweepTemporary(cfg *config.Config) error {
	for _, dir := range []string{recordDir(cfg), digestDir(cfg)} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			info, err := e.Info()
			// One that is new may be somebody's who is about to rename it.
			if err != nil || !strings.HasPrefix(e.Name(), ".") || time.Since(info.ModTime()) < time.Hour {
				continue
			}
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
