package networks

import (
	"context"
	"fmt"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/network/joint"
	"github.com/rc-containers/rc/pkg/spec"
)

// Reload makes what is missing of the interfaces, addresses, routes and rules of a container that runs.
// errs.ErrUnsupported says that it is on no bridge network, errs.ErrState that it does not run.
func Reload(ctx context.Context, cfg *config.Config, name string) error {
	m := &member{root: records.Of(cfg)}
	if err := m.load(ctx, name); err != nil {
		return err
	}
	switch {
	case m.c.Network.Mode != spec.NetworkBridge:
		return errs.Unsupportedf("reload container %q: its network is %s: only bridge networks are set up by rc", m.e.Name, m.c.Network.Mode)
	case !m.e.Alive():
		return fmt.Errorf("reload container %q: %w: it does not run", m.e.Name, errs.ErrState)
	}
	if err := m.ask(joint.Request{Op: joint.Reload}); err != nil {
		return fmt.Errorf("reload container %q: %w", m.e.Name, err)
	}
	return nil
}
