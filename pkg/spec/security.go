package spec

// Security is what the --security-opt of one command line say together.
type Security struct {
	// Seccomp is "" for the default profile, "unconfined" or the path of a JSON file.
	Seccomp         string
	NoNewPrivileges bool
	Mask            []string // further paths to hide
	Unmask          []string // paths or patterns not to hide, "ALL" for all
	ProcOptions     []string // mount options of /proc: hidepid=2
}
