package worker

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/store"
)

// tag gives an image names.
func tag(_ context.Context, _ *config.Config, s *store.Store, o image.NameRequest) (struct{}, error) {
	return struct{}{}, s.AddNames(o.ID, o.Names...)
}

// untag takes names away; without any, all.
func untag(_ context.Context, _ *config.Config, s *store.Store, o image.NameRequest) (struct{}, error) {
	return struct{}{}, s.RemoveNames(o.ID, o.Names...)
}
