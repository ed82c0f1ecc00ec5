package create

import (
	"slices"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// secrets finds the secrets that are asked for, and says where they go that name no place.
func (d *draft) secrets() error {
	for _, s := range d.opts.Secrets {
		found, err := d.env.Secret(s.Name)
		if err != nil {
			return err
		}
		s.Name, s.ID = found.Name, found.ID
		if s.Target == "" {
			s.Target = s.Name
			if s.Type == spec.SecretMount {
				s.Target = spec.SecretsDir + "/" + s.Name
			}
		}
		taken := slices.ContainsFunc(d.c.Secrets, func(other spec.Secret) bool {
			return other.Type == s.Type && other.Target == s.Target
		})
		if taken || s.Type == spec.SecretMount && mountedOn(d.c.OCI.Mounts, s.Target) {
			return errs.Invalidf("--secret %q: %q is asked for twice", s.Name, s.Target)
		}
		d.c.Secrets = append(d.c.Secrets, s)
	}
	return nil
}
