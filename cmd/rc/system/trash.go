package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
)

// emptyTrash is what container.EmptyTrash starts in the background.
func emptyTrash(ctx context.Context, cfg *config.Config) error {
	err := records.Of(cfg).EmptyTrash(ctx)
	// What killed imports left is other ids', too.
	if err = errors.Join(err, records.Volumes(cfg).Tidy()); err != nil {
		return fmt.Errorf("empty trash: %w", err)
	}
	return nil
}
