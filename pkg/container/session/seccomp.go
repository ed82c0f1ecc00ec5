package session

import (
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/seccomp"
)

// AddSeccomp gives an order the container's filter.
func AddSeccomp(cfg *config.Config, profile string, p *specs.Process, order *oci.Order) error {
	if profile == "unconfined" {
		return nil
	}
	filter, err := seccomp.Cached(filepath.Join(cfg.DataRoot, "seccomp"), profile, seccomp.Options{Caps: p.Capabilities.Bounding})
	if err != nil {
		return err
	}
	return order.SetSeccomp(filter)
}
