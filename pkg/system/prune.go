package system

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/spec"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/volumes"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/state"
)

// PruneOptions say what to remove.
type PruneOptions struct {
	// Containers removes those that do not run, Images those without a name that are no
	// other's base; with AllImages, all that no container was made from.
	Containers, Images, AllImages bool
	// Volumes removes those that no container has; VolumeFilters are theirs alone.
	Volumes       bool
	VolumeFilters []string
	// Builds removes the build cache, but for what images have; with AllImages that as well.
	Builds bool
	// BuildTypes are those of entries of the build cache that go, none for all.
	BuildTypes []string
	// Filters are KEY=VALUE, KEY of PruneFilterKeys.
	Filters []string
}

// PruneFilterKeys are what a prune can be narrowed by.
func PruneFilterKeys() []string { return []string{"label", "label!", "until"} }

// CheckPrune refuses filters that a prune does not know, before anybody is asked.
func CheckPrune(filters []string) error {
	for _, text := range filters {
		if _, _, err := spec.SplitFilter(text, PruneFilterKeys()); err != nil {
			return err
		}
	}
	_, err := records.ParseFilters(state.Root{}, filters)
	return err
}

// Pruned is what Prune has removed.
type Pruned struct {
	Containers, Images []string // ids
	Volumes            []string // names
	Builds             []string // ids of entries of the build cache
	// Reclaimed is how many bytes of disk blocks they had.
	Reclaimed int64
}

// Prune removes what is not needed. One that cannot be removed keeps no other: the error joins
// them.
func Prune(ctx context.Context, cfg *config.Config, o PruneOptions) (*Pruned, error) {
	p := &Pruned{}
	// What killed processes left shall not be in the way; a failure is the next one's to report.
	_ = lifecycle.Sweep(ctx, cfg)
	var all error
	if o.Containers {
		all = p.containers(ctx, cfg, o)
	}
	// After the containers, whose volumes nobody has then.
	if o.Volumes && ctx.Err() == nil {
		all = errors.Join(all, p.volumes(ctx, cfg, o))
	}
	if o.Images && ctx.Err() == nil {
		all = errors.Join(all, p.images(ctx, cfg, o))
	}
	// After the images, which keep their layers.
	if o.Builds && ctx.Err() == nil {
		all = errors.Join(all, p.builds(ctx, cfg, o))
	}
	return p, all
}

// builds removes entries of the build cache. They have no labels: asked for by one, nothing is.
func (p *Pruned) builds(ctx context.Context, cfg *config.Config, o PruneOptions) error {
	prune := steps.PruneOptions{All: o.AllImages, Types: o.BuildTypes}
	for _, text := range o.Filters {
		key, value, _ := strings.Cut(text, "=")
		if key != "until" {
			return nil
		}
		before, err := records.ParseTime(value)
		if err != nil {
			return errs.Invalidf("--filter %q: %w", text, err)
		}
		if prune.Before.IsZero() || before.Before(prune.Before) {
			prune.Before = before
		}
	}
	pruned, err := image.PruneBuildCache(ctx, cfg, prune)
	p.Builds = pruned.IDs
	p.Reclaimed += pruned.Freed
	return err
}

func (p *Pruned) containers(ctx context.Context, cfg *config.Config, o PruneOptions) error {
	root := records.Of(cfg)
	filters, err := records.ParseFilters(root, o.Filters)
	if err != nil {
		return err
	}
	entries, broken := records.List(root, records.ListOptions{All: true, Filters: filters})
	all := errors.Join(broken...)
	entries = slices.DeleteFunc(entries, func(e state.Entry) bool { return e.Alive() || e.Starting })
	going := map[string]bool{}
	for _, e := range entries {
		going[e.ID] = true
	}
	sharers := records.NetworkSharers(root)
	entries = slices.DeleteFunc(entries, func(e state.Entry) bool { // one that another needs for its start stays
		return sharers.Check(e.ID, e.Name, func(id string) bool { return going[id] }) != nil
	})
	if len(entries) == 0 {
		return all
	}
	sizes, err := measure(ctx, cfg)
	if err != nil {
		return errors.Join(all, err)
	}
	var freed int64
	for _, e := range entries {
		err := lifecycle.Remove(ctx, root, e.ID, lifecycle.RemoveOptions{})
		if errors.Is(err, errs.ErrState) {
			continue // it was started meanwhile
		}
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		p.Containers = append(p.Containers, e.ID)
		freed += sizes.Containers[e.ID]
	}
	p.note(cfg, events.Container, freed)
	return all
}

// volumes removes those that no container has.
func (p *Pruned) volumes(ctx context.Context, cfg *config.Config, o PruneOptions) error {
	root := records.Volumes(cfg)
	_ = root.Sweep() // the next one's to report
	filters, err := volumes.ParseFilters(cfg, volumes.PruneFilterKeys(), append(slices.Clone(o.Filters), o.VolumeFilters...))
	if err != nil {
		return err
	}
	entries, broken := volumes.List(cfg, filters, true)
	entries = slices.DeleteFunc(entries, func(e volumes.Entry) bool { return len(e.Users) > 0 })
	if len(entries) == 0 {
		return errors.Join(broken...)
	}
	sizes, err := measure(ctx, cfg)
	if err != nil {
		return errors.Join(append(broken, err)...)
	}
	var freed int64
	for _, e := range entries {
		_, err := volumes.Remove(ctx, cfg, e.Name, volumes.RemoveOptions{})
		if errors.Is(err, errs.ErrInUse) || errors.Is(err, errs.ErrNotFound) {
			continue // a container has it meanwhile, or somebody was faster
		}
		if err != nil {
			broken = append(broken, err)
			continue
		}
		p.Volumes = append(p.Volumes, e.Name)
		freed += sizes.Volumes[e.Name]
	}
	p.note(cfg, events.Volume, freed)
	return errors.Join(broken...)
}

func (p *Pruned) images(ctx context.Context, cfg *config.Config, o PruneOptions) error {
	if !exists(cfg.StorageRoot()) {
		return nil
	}
	users := map[string]int{}
	entries, broken := records.Of(cfg).List()
	if len(broken) > 0 {
		// Theirs could be any image; the store refuses, too.
		return fmt.Errorf("prune images: %w", errors.Join(broken...))
	}
	for _, e := range entries {
		users[e.ImageID]++
		for _, id := range e.MountedImages {
			users[id]++
		}
	}
	list := image.ListOptions{All: o.AllImages, Filters: o.Filters}
	if !o.AllImages {
		list.Filters = append(slices.Clone(o.Filters), "dangling=true")
	}
	images, damaged, err := image.List(ctx, cfg, list, users)
	if err != nil {
		return err
	}
	// What pulls that were broken off have left belongs to no image, and goes even where none does.
	remove := image.RemoveOptions{Force: true, Ignore: true, Remains: true}
	for _, i := range images {
		if i.Containers == 0 && !image.IsMounted(cfg, i.ID) {
			remove.Images = append(remove.Images, i.ID)
		}
	}
	for _, b := range damaged {
		if o.AllImages && len(o.Filters) == 0 && users[b.ID] == 0 {
			remove.Images = append(remove.Images, b.ID)
		}
	}
	before, err := measure(ctx, cfg)
	if err != nil {
		return err
	}
	removed, err := image.Remove(ctx, cfg, remove)
	p.Images = removed.Deleted
	after, measureErr := measure(ctx, cfg)
	if measureErr == nil {
		p.note(cfg, events.Image, max(before.Images-after.Images, 0))
	}
	return errors.Join(err, measureErr)
}

// note adds up what was freed, and writes it to the journal.
func (p *Pruned) note(cfg *config.Config, kind string, freed int64) {
	p.Reclaimed += freed
	_ = events.Append(cfg.RunRoot, events.Event{Type: kind, Status: "prune", Attributes: map[string]string{"reclaimed": strconv.FormatInt(freed, 10)}})
}
