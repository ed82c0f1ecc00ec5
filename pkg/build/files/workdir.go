package files

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/store"
)

// Workdir makes the directory of a WORKDIR on top of lower, the topmost first: mode 0755, and root's unless owner names
// somebody (user[:group]). It is nil where the directory is there.
func Workdir(ctx context.Context, st *store.Store, lower []string, path, owner string, o Options) (*store.Staged, error) {
	w, err := newWriter(ctx, st, lower, o)
	if err != nil {
		return nil, err
	}
	defer w.close()
	made := inode{mode: unix.S_IFDIR | 0o755, mtime: o.now(), ours: true}
	if owner != "" {
		who, err := LookUpOwner(lower, owner)
		if err != nil {
			return nil, err
		}
		made.uid, made.gid = who.UID, who.GID
	}
	t, err := newTarget(lower, made)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if _, err := t.directory(path); err != nil {
		return nil, fmt.Errorf("WORKDIR %s: %w", path, err)
	}
	return w.write(t)
}
