package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/userns"
)

// accountsDir is the layer of a container's own between its image's and what it writes, which
// holds account files with its users.
const accountsDir = "accounts"

// describeAccounts decides what is in it.
func (r *run) describeAccounts(ctx context.Context) error {
	var err error
	if r.accounts, err = create.Accounts(ctx, r.c, r.opts, r.image); err != nil || len(r.accounts) == 0 {
		return err
	}
	layer := filepath.Join(r.records().Dir(r.c.ID), accountsDir)
	r.c.Rootfs.Lower = append([]string{layer}, r.c.Rootfs.Lower...)
	return nil
}

func (r *run) writeAccounts() error {
	for name, content := range r.accounts {
		path := filepath.Join(r.dir.Path(), accountsDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// nested tells whether the container has a user namespace within its shim's.
func (r *run) nested() bool { return spec.HasNamespace(&r.c.OCI, specs.UserNamespace) }

// planIDs gives the plan what is known of the container's ids.
func (r *run) planIDs(plan *shim.Plan) {
	plan.UIDs, plan.GIDs = r.c.OCI.Linux.UIDMappings, r.c.OCI.Linux.GIDMappings
}

// bindsOf are the sources of bind mounts that the shim has to open, but for those that it
// mounts itself.
func bindsOf(mounts []specs.Mount, overlays []shim.Overlay) []oci.Bind {
	return slices.DeleteFunc(oci.Binds(mounts), func(b oci.Bind) bool {
		return slices.ContainsFunc(overlays, func(o shim.Overlay) bool { return o.Target() == b.Source })
	})
}

// idMapFile, in the runtime directory, says which ids a container with --userns auto has: as
// long as it is there, no other one gets them.
const idMapFile = "idmap.json"

// allocateIDs chooses the ids of a container with --userns auto, which have to be nobody else's.
func (r *run) allocateIDs(ctx context.Context, plan *shim.Plan) error {
	if r.c.Userns.Mode != spec.UsernsAuto {
		return nil
	}
	ids, err := userns.DefaultMap(ctx)
	if err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(r.cfg.RunRoot, "userns.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // and thereby unlocked
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %q: %w", lock.Name(), err)
	}
	taken, err := takenIDs(filepath.Dir(r.dir.RunPath()), r.c.ID)
	if err != nil {
		return err
	}
	chosen, err := ids.Auto(r.c.Userns, taken)
	if err != nil {
		return err
	}
	data, err := json.Marshal(chosen)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir.RunPath(), idMapFile), data, 0o600); err != nil {
		return err
	}
	plan.UIDs, plan.GIDs = chosen.UIDs, chosen.GIDs
	return nil
}

// takenIDs are those of other containers. What cannot be read is of one that is just going.
func takenIDs(dir, own string) ([]userns.Nested, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var taken []userns.Nested
	for _, e := range entries {
		if e.Name() == own {
			continue
		}
		n, err := readIDMap(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		taken = append(taken, n)
	}
	return taken, nil
}

func readIDMap(dir string) (n userns.Nested, err error) {
	data, err := os.ReadFile(filepath.Join(dir, idMapFile))
	if err != nil {
		return n, err
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return n, fmt.Errorf("read %q: %w", filepath.Join(dir, idMapFile), err)
	}
	return n, nil
}
