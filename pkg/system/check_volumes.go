package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/rc-containers/rc/pkg/container"
	"github.com/rc-containers/rc/pkg/container/lifecycle"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/volume"
	"github.com/rc-containers/rc/pkg/volume/driver"
)

// volumes finds what killed makers, fillers and importers left, and records that cannot be read.
func (c *checking) volumes(ctx context.Context) error {
	root := records.Volumes(c.cfg)
	left, err := root.Unfinished()
	if err != nil {
		return fmt.Errorf("check volumes: %w", err)
	}
	for _, path := range left {
		c.found(path, "a volume that a killed process began to make", false, root.Sweep)
	}
	untidy, err := root.Untidy()
	if err != nil {
		return fmt.Errorf("check volumes: %w", err)
	}
	for _, name := range untidy {
		c.found(fmt.Sprintf("volume %q", name), "a killed process was importing or copying into it", false, func() error {
			return lifecycle.EmptyTrashNow(ctx, c.cfg)
		})
	}
	_, broken := root.List()
	for _, err := range broken {
		b, ok := errors.AsType[*volume.BrokenError](err)
		if !ok {
			return fmt.Errorf("check volumes: %w", err)
		}
		c.found(fmt.Sprintf("volume %q", b.Name), fmt.Sprintf("broken record: %v", b.Err), false, func() error { return root.Mend(b.Name) })
	}
	users, _ := records.Of(c.cfg).VolumeUsers() // what is broken has been reported
	for name, entries := range users {
		if _, err := root.Load(name); !errors.Is(err, errs.ErrNotFound) {
			continue
		}
		c.found("container "+entries[0].Name, fmt.Sprintf("it cannot be started: volume %q is gone", name), false, func() error {
			return driver.Create(root, container.VolumeOf(c.cfg, name, entries), true)
		})
	}
	return nil
}
