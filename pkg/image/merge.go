package image

import (
	"cmp"
	"maps"

	"github.com/rc-containers/rc/pkg/index"
	"github.com/rc-containers/rc/pkg/spec"
)

// merge lays an image configuration over another.
func merge(c *index.Config, over index.Config) {
	c.User = cmp.Or(over.User, c.User)
	c.WorkingDir = cmp.Or(over.WorkingDir, c.WorkingDir)
	c.StopSignal = cmp.Or(over.StopSignal, c.StopSignal)
	if over.Entrypoint != nil {
		c.Entrypoint = over.Entrypoint
	}
	if over.Cmd != nil {
		c.Cmd = over.Cmd
	}
	if over.Healthcheck != nil {
		c.Healthcheck = over.Healthcheck
	}
	if over.Shell != nil {
		c.Shell = over.Shell
	}
	c.Env = spec.JoinEnv(c.Env, over.Env)
	c.OnBuild = append(c.OnBuild, over.OnBuild...)
	c.Labels = union(c.Labels, over.Labels)
	c.Volumes = union(c.Volumes, over.Volumes)
	c.ExposedPorts = union(c.ExposedPorts, over.ExposedPorts)
}

func union[V any](a, b map[string]V) map[string]V {
	if len(b) == 0 {
		return a
	}
	all := maps.Clone(b)
	for k, v := range a {
		if _, ok := b[k]; !ok {
			all[k] = v
		}
	}
	return all
}
