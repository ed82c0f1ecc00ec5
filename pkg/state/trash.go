package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// TrashWaits says whether something lies in trash/ for longer than age: what is younger
// may be in the hands of the shim that put it there.
func (r Root) TrashWaits(age time.Duration) bool {
	dirs, err := os.ReadDir(r.TrashDir())
	if err != nil {
		return false
	}
	for _, d := range dirs {
		info, err := d.Info()
		if err != nil {
			continue // just deleted
		}
		// rename(2) sets the time of the status change.
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && time.Since(time.Unix(st.Ctim.Unix())) >= age {
			return true
		}
	}
	return false
}

// TrashBusy says whether somebody is deleting what lies in trash/.
func (r Root) TrashBusy() bool {
	d, err := os.Open(r.TrashDir())
	if err != nil {
		return false
	}
	defer d.Close()
	return errors.Is(flock(d, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// EmptyTrash deletes what lies in trash/. It must run in the default map, since files
// belong to subordinate ids. Only one process does it at a time: where another is at it, that
// one does this call's part too. Killed at any moment, the next call goes on.
func (r Root) EmptyTrash(ctx context.Context) error {
	d, err := os.Open(r.TrashDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		err := flock(d, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lock %q: %w", r.TrashDir(), err)
		}
		err = r.emptyLocked(ctx)
		if unlockErr := flock(d, unix.LOCK_UN); err != nil || unlockErr != nil {
			return errors.Join(err, unlockErr)
		}
		// Whoever came between the last look and the unlocking has gone in our trust.
		if dirs, err := os.ReadDir(r.TrashDir()); err != nil || len(dirs) == 0 {
			return err
		}
	}
}

// emptyLocked deletes until there is nothing left that can be deleted.
func (r Root) emptyLocked(ctx context.Context) error {
	dirs, err := os.ReadDir(r.TrashDir())
	if err != nil {
		return err
	}
	all := r.unnameTrash(dirs)
	for _, d := range dirs {
		if err := ctx.Err(); err != nil {
			return errors.Join(all, context.Cause(ctx))
		}
		if err := os.RemoveAll(filepath.Join(r.TrashDir(), d.Name())); err != nil {
			all = errors.Join(all, err)
		}
	}
	return all
}

// unnameTrash unlinks the names that lead to what lies in trash/: whoever put it there may have been
// killed before he did.
func (r Root) unnameTrash(dirs []os.DirEntry) error {
	trashed := map[string]bool{}
	for _, d := range dirs {
		id, _, _ := strings.Cut(d.Name(), ".") // see Root.trash
		trashed[id] = true
	}
	if len(trashed) == 0 {
		return nil
	}
	names, err := r.Names()
	for _, name := range names {
		if trashed[r.named(name)] {
			_, freed := r.freeName(name)
			err = errors.Join(err, freed)
		}
	}
	return err
}
