package image

import (
	"context"
	"slices"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
)

// The worker's verbs for the build cache: only in its map can all files be counted, and deleted.
const (
	VerbMountSizes      = "build-mount-sizes"
	VerbPruneBuildCache = "prune-build-cache"
)

// BuildCache lists the build cache, what was used last first.
func BuildCache(ctx context.Context, cfg *config.Config) ([]steps.Entry, error) {
	all, err := unsized(ctx, cfg)
	if err != nil || !slices.ContainsFunc(all, func(e steps.Entry) bool { return e.Type == steps.CacheDir }) {
		return all, err
	}
	var sizes map[string]int64
	err = call(ctx, cfg, VerbMountSizes, struct{}{}, &sizes, Streams{})
	return steps.Sized(all, sizes), err
}

// unsized is BuildCache without the sizes of cache mounts.
func unsized(ctx context.Context, cfg *config.Config) ([]steps.Entry, error) {
	if empty, err := steps.Empty(cfg); empty || err != nil {
		return nil, err
	}
	ix, err := Read(ctx, cfg)
	if err != nil {
		return nil, err
	}
	images, err := ix.All()
	if err != nil {
		return nil, err
	}
	shared := map[string]bool{}
	for _, e := range images {
		img, err := ix.Load(e)
		if err != nil {
			continue // it is damaged, and this is about others
		}
		for _, id := range img.LayerIDs {
			shared[id] = true
		}
	}
	return steps.List(cfg, shared)
}

// PruneBuildCache deletes what the options choose of the build cache, and layers that nothing keeps any more.
func PruneBuildCache(ctx context.Context, cfg *config.Config, o steps.PruneOptions) (steps.Pruned, error) {
	var p steps.Pruned
	if err := o.Check(); err != nil {
		return p, err
	}
	before, err := unsized(ctx, cfg)
	if err != nil || len(before) == 0 {
		return p, err
	}
	if err := call(ctx, cfg, VerbPruneBuildCache, o, &p.Freed, Streams{}); err != nil {
		return p, err
	}
	after, err := unsized(ctx, cfg)
	for _, e := range before {
		if !slices.ContainsFunc(after, func(o steps.Entry) bool { return o.ID == e.ID && o.Created.Equal(e.Created) }) {
			p.IDs = append(p.IDs, e.ID)
		}
	}
	return p, err
}
