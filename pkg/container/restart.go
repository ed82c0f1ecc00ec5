package container

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/errs"
)

// Restart stops the container id where it runs, see Stop, and starts it. One with --rm that
// runs is errs.ErrState: it is gone when it has stopped.
func Restart(ctx context.Context, cfg *config.Config, id string, o lifecycle.StopOptions, streams session.Streams) error {
	root := records.Of(cfg)
	e, err := root.Find(id)
	if err != nil {
		return err
	}
	if e.Remove {
		return fmt.Errorf("restart container %q: %w: with --rm it goes when it is stopped", e.Name, errs.ErrState)
	}
	if err := lifecycle.Stop(ctx, root, id, o); err != nil {
		return err
	}
	if _, err := Start(ctx, cfg, id, StartOptions{Streams: streams}); err != nil {
		return err
	}
	records.Note(root, e, "restart", nil)
	return nil
}
