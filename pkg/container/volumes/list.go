package volumes

import (
	"context"
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

// Entry is a volume and what is to be known of it beside its record.
type Entry struct {
	spec.Volume
	// Source is where the files are.
	Source string
	// Users are the containers that have it; they are looked for where List is told to.
	Users []state.Entry
	// Unfilled says that no container has used it yet.
	Unfilled bool
}

// Running is how many containers use the volume right now.
func (e *Entry) Running() int {
	n := 0
	for i := range e.Users {
		if e.Users[i].Alive() {
			n++
		}
	}
	return n
}

// List is the volumes that match. Without users, whom to find takes reading the records of all
// containers, no filter may ask for them. The errors are of records that could not be read.
func List(cfg *config.Config, f Filters, users bool) ([]Entry, []error) {
	root := records.Volumes(cfg)
	list, broken := root.List()
	var of map[string][]state.Entry
	if users {
		var unread []error
		of, unread = records.Of(cfg).VolumeUsers()
		broken = append(broken, unread...)
	}
	entries := make([]Entry, 0, len(list))
	for _, v := range list {
		e := Entry{Volume: v, Users: of[v.Name]}
		if !f.match(&e) {
			continue
		}
		e.complete(root)
		entries = append(entries, e)
	}
	return entries, broken
}

func (e *Entry) complete(root volume.Root) {
	e.Source, e.Unfilled = root.Path(e.Name), false
	if how, err := driver.Parse(e.Options); err == nil && how.Kind == volume.Bind {
		e.Source = how.Device
	}
	e.Unfilled = root.Unfilled(e.Name)
}

// Find is one volume, by its name or the beginning of it.
func Find(cfg *config.Config, name string) (*Entry, error) {
	root := records.Volumes(cfg)
	name, err := root.Find(name)
	if err != nil {
		return nil, err
	}
	v, err := root.Load(name)
	if err != nil {
		return nil, err
	}
	users, _ := records.Of(cfg).VolumeUsers() // ps tells of broken records
	e := &Entry{Volume: *v, Users: users[name]}
	e.complete(root)
	return e, nil
}

// RemoveOptions say how far Remove may go.
type RemoveOptions struct {
	// Force removes the containers that use it first, stopping them where that is necessary.
	Force bool
	// Timeout is how many seconds those have to stop; nil is their own.
	Timeout *uint
}

// Remove removes a volume by its name, or the beginning of it. One that containers use is
// errs.ErrInUse without Force. What it leaves in trash/ is container.EmptyTrash's.
func Remove(ctx context.Context, cfg *config.Config, name string, o RemoveOptions) (string, error) {
	root, volumes := records.Of(cfg), records.Volumes(cfg)
	found, err := volumes.Find(name)
	if err != nil {
		return "", err
	}
	if o.Force {
		users, _ := root.VolumeUsers()
		for _, e := range users[found] {
			err := lifecycle.Remove(ctx, root, e.ID, lifecycle.RemoveOptions{Force: true, Timeout: o.Timeout})
			if err != nil && !errors.Is(err, errs.ErrNotFound) {
				return "", fmt.Errorf("remove volume %q: %w", found, err)
			}
		}
	}
	_, err = volumes.Remove(found, func() error { return root.VolumeUnused(found) })
	return found, err
}
