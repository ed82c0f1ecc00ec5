package worker

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/store"
)

// tag gives an image names.
func tag(ctx context.Context, cfg *config.Config, s *store.Store, o image.NameRequest) (struct{}, error) {
	lock, err := index.Hold(ctx, cfg, true)
	if err != nil {
		return struct{}{}, err
	}
	defer lock.Release()
	return struct{}{}, s.AddNames(o.ID, o.Names...)
}

// untag takes names away.
func untag(ctx context.Context, cfg *config.Config, s *store.Store, o image.NameRequest) (struct{}, error) {
	lock, err := index.Hold(ctx, cfg, true)
	if err != nil {
		return struct{}{}, err
	}
	defer lock.Release()
	return struct{}{}, s.RemoveNames(o.ID, o.Names...)
}
