package create

import (
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// restart refuses policies that bring back what is to be removed. on-failure may be given
// with --rm, as to podman: the container is removed after its last life.
func (d *draft) restart() error {
	policy := d.opts.Restart.Policy
	if d.opts.Remove && (policy == spec.RestartAlways || policy == spec.RestartUnlessStopped) {
		return errs.Invalidf("--restart %s: with --rm the container is removed when it ends; leave out one of the two", policy)
	}
	return nil
}
