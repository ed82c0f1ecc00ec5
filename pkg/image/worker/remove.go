package worker

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/image"
	"github.com/rc-containers/rc/pkg/store"
)

func remove(_ context.Context, _ *config.Config, s *store.Store, o image.RemoveOptions) (struct{}, error) {
	return struct{}{}, nil
}
func pull(_ context.Context, _ *config.Config, s *store.Store, o image.PullOptions) (struct{}, error) {
	return struct{}{}, nil
}
