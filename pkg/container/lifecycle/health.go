package lifecycle

import (
	"context"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/records"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// CheckHealth runs a container's healthcheck now; its shim counts the result as one of its
// own.
func CheckHealth(ctx context.Context, cfg *config.Config, nameOrID string) (*spec.HealthResult, error) {
	root := records.Of(cfg)
	e, err := root.Find(nameOrID)
	switch {
	case err != nil:
		return nil, err
	case !e.Summary.Health:
		return nil, errs.WithHint(errs.Invalidf("container %q: it has no healthcheck", e.Name), "rc run --health-cmd COMMAND …")
	case e.Status != state.Running:
		return nil, records.NotRunning("check", e)
	}
	client, err := shim.Dial(root.RunDir(e.ID))
	if err != nil {
		return nil, records.AskError("check", e, err)
	}
	defer func() { _ = client.Close() }()
	defer context.AfterFunc(ctx, client.Shutdown)()
	r, err := client.CheckHealth()
	if err != nil {
		return nil, records.AskError("check", e, err)
	}
	return r, nil
}
