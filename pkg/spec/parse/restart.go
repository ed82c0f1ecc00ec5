package parse

import (
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Restart reads --restart: a policy, and for on-failure how often. "never" is podman's
// other word for no.
func Restart(value string) (spec.Restart, error) {
	policy, count, counted := strings.Cut(value, ":")
	if policy == "never" {
		policy = spec.RestartNo
	}
	if _, err := Choice(policy, spec.RestartPolicies()...); err != nil {
		return spec.Restart{}, Invalid(value, "want no, on-failure[:N], always or unless-stopped%s", spec.Meant(policy, spec.RestartPolicies()))
	}
	restart := spec.Restart{Policy: policy}
	if !counted {
		return restart, nil
	}
	if policy != spec.RestartOnFailure {
		return spec.Restart{}, Invalid(value, "a number of times is for on-failure[:N] only")
	}
	n, err := strconv.ParseUint(count, 10, 31)
	if err != nil {
		return spec.Restart{}, Invalid(value, "%q: want a number of times such as on-failure:5", count)
	}
	restart.Retries = uint(n)
	return restart, nil
}
