package spec

import (
	"strconv"
	"strings"
)

// Values of Restart.Policy.
const (
	RestartNo            = "no"
	RestartOnFailure     = "on-failure"
	RestartAlways        = "always"
	RestartUnlessStopped = "unless-stopped"
)

// RestartPolicies are the words of --restart.
func RestartPolicies() []string {
	return []string{RestartNo, RestartOnFailure, RestartAlways, RestartUnlessStopped}
}

// ParseRestart reads --restart: a policy, and for on-failure how often. "never" is podman's
// other word for no.
func ParseRestart(value string) (Restart, error) {
	policy, count, counted := strings.Cut(value, ":")
	if policy == "never" {
		policy = RestartNo
	}
	if _, err := ParseChoice(policy, RestartPolicies()...); err != nil {
		return Restart{}, invalid(value, "want no, on-failure[:N], always or unless-stopped%s", Meant(policy, RestartPolicies()))
	}
	restart := Restart{Policy: policy}
	if !counted {
		return restart, nil
	}
	if policy != RestartOnFailure {
		return Restart{}, invalid(value, "a number of times is for on-failure[:N] only")
	}
	n, err := strconv.ParseUint(count, 10, 31)
	if err != nil {
		return Restart{}, invalid(value, "%q: want a number of times such as on-failure:5", count)
	}
	restart.Retries = uint(n)
	return restart, nil
}
