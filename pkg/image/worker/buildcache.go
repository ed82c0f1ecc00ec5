package worker

import (
	"context"

	"github.com/rc-containers/rc/pkg/build/steps"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// mountSizes counts the files of cache mounts.
func mountSizes(_ context.Context, r image.Request) (any, error) { return steps.MountSizes(r.Config) }

// pruneBuildCache deletes entries first, and then layers that nothing names any more: killed in between, it leaves
// layers that the next removal of an image deletes. It gives the number of bytes that are free.
func pruneBuildCache(ctx context.Context, cfg *config.Config, s *store.Store, o steps.PruneOptions) (freed int64, err error) {
	hold, err := index.Hold(ctx, cfg, false)
	if err != nil {
		return 0, err
	}
	defer hold.Release()
	if err := steps.Sweep(ctx, cfg); err != nil {
		return 0, err
	}
	reached, err := s.Reached()
	if err != nil {
		return 0, err
	}
	all, err := steps.List(cfg, reached)
	if err != nil {
		return 0, err
	}
	mounts, err := steps.MountSizes(cfg)
	if err != nil {
		return 0, err
	}
	var layers []string
	sizes := map[string]int64{}
	for _, e := range o.Select(steps.Sized(all, mounts)) {
		done, err := steps.Delete(ctx, cfg, e)
		if err != nil {
			return freed, err
		}
		switch {
		case e.Layer != "":
			layers = append(layers, e.Layer)
			sizes[e.Layer] = e.Size
		case done:
			freed += e.Size
		}
	}
	deleted, err := s.Drop(layers)
	for _, id := range deleted {
		freed += sizes[id]
	}
	return freed, err
}
