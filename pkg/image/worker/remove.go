package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/store"
)

// remover deletes images while it keeps everybody from making containers of them.
type remover struct {
	cfg   *config.Config
	store *store.Store
	o     image.RemoveOptions
	users map[string][]spec.Summary // by image id
	// entries are the images as they are after what has been removed so far.
	entries []index.Entry
	out     image.Removed
}

// remove deletes images, and then what killed processes have left in the store.
func remove(ctx context.Context, cfg *config.Config, s *store.Store, o image.RemoveOptions) (image.RemoveAnswer, error) {
	var answer image.RemoveAnswer
	lock, err := index.Hold(ctx, cfg, false)
	if err != nil {
		return answer, err
	}
	defer lock.Release()
	users, err := containersByImage(cfg)
	if err != nil {
		return answer, err
	}
	r := &remover{cfg: cfg, store: s, o: o, users: users}
	if err := r.read(ctx); err != nil {
		return answer, err
	}
	names := o.Images
	if o.All {
		for _, e := range r.entries {
			names = append(names, e.ID)
		}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return answer, context.Cause(ctx)
		}
		if err := r.one(name); err != nil {
			answer.Failures = append(answer.Failures, image.NewFailure(fmt.Errorf("remove image: %w", err)))
		}
	}
	answer.Removed = r.out
	return answer, s.Sweep(o.Remains)
}

// read takes in what the store has right now: while we hold the lock, images can be added
// and named by others, and those are not ours to remove.
func (r *remover) read(ctx context.Context) error {
	if err := r.store.Refresh(ctx); err != nil {
		return err
	}
	ix, err := index.Read(r.cfg)
	if err != nil {
		return err
	}
	r.entries, err = ix.All()
	for _, b := range ix.Broken {
		r.entries = append(r.entries, index.Entry{ID: b.ID, Names: b.Names})
	}
	return err
}

// one removes what a user called value: a name of several goes alone.
func (r *remover) one(value string) error {
	ix, err := index.Of(r.cfg, r.entries)
	if err != nil {
		return err
	}
	e, err := ix.Find(value)
	if errors.Is(err, errs.ErrNotFound) && (r.o.Ignore || r.o.Force) {
		return nil
	}
	if err != nil {
		return err
	}
	if name := image.NameOf(e, value); name != "" && len(e.Names) > 1 {
		if err := r.store.RemoveNames(e.ID, name); err != nil {
			return err
		}
		r.untagged(e.ID, name)
		r.update(e.ID, func(e *index.Entry) {
			e.Names = slices.DeleteFunc(e.Names, func(n string) bool { return n == name })
		})
		return nil
	}
	byID := image.NameOf(e, value) == ""
	if byID && len(e.Names) > 1 && !r.o.Force && !r.o.All {
		return errs.WithHint(fmt.Errorf("%q: %w: it has several names (%s, %s …)", value, errs.ErrInUse, e.Names[0], e.Names[1]),
			fmt.Sprintf("rc rmi --force %.12s removes it with all of them", e.ID))
	}
	if users := r.users[e.ID]; len(users) > 0 {
		c := users[0]
		err := fmt.Errorf("%q: %w: container %q (%.12s) was made from it, or mounts it", value, errs.ErrInUse, c.Name, c.ID)
		return errs.WithHint(err, fmt.Sprintf("rc rm %s, then rc rmi %s", c.Name, value))
	}
	if image.IsMounted(r.cfg, e.ID) && !r.o.Force {
		return errs.WithHint(fmt.Errorf("%q: %w: it is mounted by rc image mount", value, errs.ErrInUse), "end the rc unshare that it was mounted in, or rc rmi --force "+value)
	}
	if _, err := r.store.Remove(e.ID); err != nil {
		return err
	}
	r.untagged(e.ID, e.Names...)
	r.out.Deleted = append(r.out.Deleted, e.ID)
	r.entries = slices.DeleteFunc(r.entries, func(o index.Entry) bool { return o.ID == e.ID })
	return nil
}

func (r *remover) untagged(id string, names ...string) {
	if r.out.IDs == nil {
		r.out.IDs = map[string]string{}
	}
	for _, name := range names {
		r.out.Untagged = append(r.out.Untagged, name)
		r.out.IDs[name] = id
	}
}

func (r *remover) update(id string, change func(*index.Entry)) {
	for i := range r.entries {
		if r.entries[i].ID == id {
			change(&r.entries[i])
		}
	}
}

// containersByImage reads every container's summary. A record that cannot be read stops
// us: its image may be any.
func containersByImage(cfg *config.Config) (map[string][]spec.Summary, error) {
	root := filepath.Join(cfg.DataRoot, "containers")
	dirs, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	users := make(map[string][]spec.Summary)
	for _, d := range dirs {
		path := filepath.Join(root, d.Name(), "summary.json")
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // being made by somebody who will fail to find the image, or garbage
		}
		if err != nil {
			return nil, err
		}
		var s spec.Summary
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, errs.WithHint(errs.Invalidf("read %s: %w", path, err), "rc rm --force "+d.Name())
		}
		users[s.ImageID] = append(users[s.ImageID], s)
		for _, id := range s.MountedImages {
			if id != s.ImageID {
				users[id] = append(users[id], s)
			}
		}
	}
	for _, of := range users {
		slices.SortFunc(of, func(a, b spec.Summary) int { return a.Created.Compare(b.Created) })
	}
	return users, nil
}
