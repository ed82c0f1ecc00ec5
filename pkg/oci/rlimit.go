package oci

import "golang.org/x/sys/unix"

// limits are the names and numbers of getrlimit(2).
func limits() []namedLimit {
	return []namedLimit{
		{"RLIMIT_AS", unix.RLIMIT_AS},
		{"RLIMIT_CORE", unix.RLIMIT_CORE},
		{"RLIMIT_CPU", unix.RLIMIT_CPU},
		{"RLIMIT_DATA", unix.RLIMIT_DATA},
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE},
		{"RLIMIT_LOCKS", unix.RLIMIT_LOCKS},
		{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK},
		{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE},
		{"RLIMIT_NICE", unix.RLIMIT_NICE},
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE},
		{"RLIMIT_NPROC", unix.RLIMIT_NPROC},
		{"RLIMIT_RSS", unix.RLIMIT_RSS},
		{"RLIMIT_RTPRIO", unix.RLIMIT_RTPRIO},
		{"RLIMIT_RTTIME", unix.RLIMIT_RTTIME},
		{"RLIMIT_SIGPENDING", unix.RLIMIT_SIGPENDING},
		{"RLIMIT_STACK", unix.RLIMIT_STACK},
	}
}

type namedLimit struct {
	name     string
	resource int
}

func rlimitResource(name string) (int, bool) {
	for _, l := range limits() {
		if l.name == name {
			return l.resource, true
		}
	}
	return 0, false
}

func rlimitName(resource int) string {
	for _, l := range limits() {
		if l.resource == resource {
			return l.name
		}
	}
	return "RLIMIT"
}
