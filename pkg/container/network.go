package container

import (
	"encoding/json"
	"os/exec"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/create"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/shim"
)

// defaultNetwork is the mode of a container that was not given one; "" where no program for
// it is installed, which create.Container turns into an error if it matters.
func defaultNetwork() string {
	mode, err := network.Default(exec.LookPath)
	if err != nil {
		return ""
	}
	return mode
}

// planNetwork decides how the container is connected; none and host need no helper.
func (r *run) planNetwork() error {
	mode := r.c.Network.Mode
	if mode == "none" || mode == "host" {
		return nil
	}
	plan, err := network.NewPlan(mode, r.c.Network.Options, exec.LookPath)
	if err != nil {
		return err
	}
	r.network = &plan
	return nil
}

// names is what the container's /etc/hosts and /etc/resolv.conf say.
func (r *run) names() create.Names {
	names := create.HostNames()
	if r.network != nil {
		names.Address, names.HostAddress, names.NameServers = r.network.IP, r.network.HostIP, r.network.DNS
	}
	return names
}

// tellNetwork puts the helper and what it is told into the shim's plan.
func (r *run) tellNetwork(plan *shim.Plan) error {
	if r.network == nil {
		return nil
	}
	var err error
	if plan.NetHelper, err = config.Program("rc-net"); err != nil {
		return err
	}
	plan.NetConfig, err = json.Marshal(r.network)
	return err
}
