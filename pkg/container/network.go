package container

import (
	"encoding/json"

	"github.com/rc-containers/rc/pkg/shim"
)

// planNetwork tells the shim which helper connects the container; none and host need none.
func (r *run) planNetwork(plan *shim.Plan) error {
	if mode := r.c.Network.Mode; mode == "none" || mode == "host" {
		return nil
	}
	var err error
	if plan.NetHelper, err = program("rc-net"); err != nil {
		return err
	}
	plan.NetConfig, err = json.Marshal(r.c.Network)
	return err
}
