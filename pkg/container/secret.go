package container

import (
	"os"
	"path/filepath"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/container/session"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/secret"
	"github.com/rc-containers/rc/pkg/spec"
)

// linkSecrets gives a new container's directory its secrets.
func linkSecrets(cfg *config.Config, dir string, secrets []spec.Secret) error {
	if len(secrets) == 0 {
		return nil
	}
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		return err
	}
	for n, s := range secrets {
		if err := secret.At(cfg.DataRoot).Link(s.Name, session.SecretFile(dir, n)); err != nil {
			return err
		}
	}
	// What cannot be a variable is refused now, not at the first start.
	_, _, err := session.ReadSecrets(dir, secrets)
	return err
}

// addSecrets gives the first process its secrets. They are in its order alone, which is memory:
// neither in the record, nor in what inspect shows, nor in anybody's arguments.
func (r *run) addSecrets(order *oci.Order) error {
	files, env, err := session.ReadSecrets(r.dir.Path(), r.c.Secrets)
	if err != nil {
		return err
	}
	if r.step != nil {
		files, env = append(files, r.step.Files...), append(env, r.step.Env...)
	}
	order.SetFiles(files)
	order.SetEnv(spec.JoinEnv(order.Env(), env))
	return nil
}
