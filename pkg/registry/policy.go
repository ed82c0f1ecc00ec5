package registry

import "os"

// policyFile is the policy.json that is in force, by containers-policy.json(5); "" where there
// is none, as on a machine that has never seen a container tool. Then everything is allowed:
// that is docker's default, too.
func policyFile() string {
	for _, path := range []string{
		os.Getenv("CONTAINERS_POLICY_JSON"),
		os.ExpandEnv("$HOME/.config/containers/policy.json"),
		"/etc/containers/policy.json",
		"/usr/share/containers/policy.json",
	} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return ""
}
