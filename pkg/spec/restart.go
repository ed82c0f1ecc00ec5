package spec

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
