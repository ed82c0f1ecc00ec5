package state

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// Volumes are the names of the volumes that a container uses, each once.
func Volumes(c *spec.Container) []string {
	var names []string
	for _, m := range c.OCI.Mounts {
		if m.Type == spec.TypeVolume && !slices.Contains(names, m.Source) {
			names = append(names, m.Source)
		}
	}
	return names
}

// AnonymousVolumes are those that were made for the container.
func AnonymousVolumes(c *spec.Container) []string {
	var names []string
	for _, m := range c.OCI.Mounts {
		if m.Type == spec.TypeVolume && slices.Contains(m.Options, spec.OptAnonymous) && !slices.Contains(names, m.Source) {
			names = append(names, m.Source)
		}
	}
	return names
}

// mountedImages are the ids of images that a container mounts.
func mountedImages(c *spec.Container) []string {
	var ids []string
	for _, m := range c.OCI.Mounts {
		for _, option := range m.Options {
			if id, ok := strings.CutPrefix(option, spec.OptImage); ok && m.Type == spec.TypeImage && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// VolumeUsers are the containers of each volume that has any. What the broken records, which
// are the errors, use is not known.
func (r Root) VolumeUsers() (map[string][]Entry, []error) {
	entries, broken := r.List()
	users := map[string][]Entry{}
	for _, e := range entries {
		for _, name := range e.Volumes {
			users[name] = append(users[name], e)
		}
	}
	return users, broken
}

// VolumeUnused says who uses a volume: errs.ErrInUse.
func (r Root) VolumeUnused(name string) error {
	users, broken := r.VolumeUsers()
	if len(broken) > 0 {
		return fmt.Errorf("volume %q: who uses it is not known: %w", name, broken[0])
	}
	return InUse(name, users[name])
}

// InUse is the error of a volume that containers use, nil where there are none.
func InUse(name string, users []Entry) error {
	if len(users) == 0 {
		return nil
	}
	var names []string
	for _, e := range users[:min(len(users), 5)] {
		names = append(names, e.Name)
	}
	more := ""
	if len(users) > len(names) {
		more = fmt.Sprintf(" and %d more", len(users)-len(names))
	}
	return errs.WithHint(fmt.Errorf("volume %q: %w by container %s%s", name, errs.ErrInUse, strings.Join(names, ", "), more),
		"rc volume rm --force "+name+", which removes its containers")
}
