package oci

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
)

// capabilityNames are the capabilities by number: linux/capability.h, Linux 6.12.
func capabilityNames() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
		"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
		"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
		"CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
		"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
		"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
		"CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
		"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
		"CAP_CHECKPOINT_RESTORE",
	}
}

// AllCapabilities are all names, CAP_CHOWN first: what --privileged and --cap-add=all give.
func AllCapabilities() []string { return capabilityNames() }

// DefaultCapabilities is docker's default set (moby, oci/caps/defaults.go), sorted.
func DefaultCapabilities() []string {
	return []string{
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
		"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
}

// ParseCapability reads a capability as flags and images write it (net_admin, NET_ADMIN,
// CAP_NET_ADMIN) and returns its full name. "all" is the caller's business.
func ParseCapability(name string) (string, error) {
	full := strings.ToUpper(name)
	if !strings.HasPrefix(full, "CAP_") {
		full = "CAP_" + full
	}
	if !slices.Contains(capabilityNames(), full) {
		return "", fmt.Errorf("capability %q: unknown; want a name of capabilities(7) with or without CAP_: %w", name, errs.ErrInvalid)
	}
	return full, nil
}

// capabilitiesOf are the names of the bits.
func capabilitiesOf(bits uint64) []string {
	var names []string
	for i, name := range capabilityNames() {
		if bits&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
