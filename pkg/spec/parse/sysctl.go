package parse

import (
	"strings"
)

// Sysctl reads --sysctl KEY=VALUE. Slashes in the key become dots.
func Sysctl(value string) (key, val string, err error) {
	key, val, found := strings.Cut(value, "=")
	if !found || key == "" {
		return "", "", Invalid(value, "want KEY=VALUE such as net.ipv4.ip_forward=1")
	}
	if err := NoNUL(value); err != nil {
		return "", "", err
	}
	if strings.Contains(key, "..") || strings.HasPrefix(key, ".") || strings.HasPrefix(key, "/") {
		return "", "", Invalid(value, "%q is not the name of a sysctl", key)
	}
	// Interface names may have dots in them; in that form the separators are slashes.
	if !strings.Contains(key, ".") {
		key = strings.ReplaceAll(key, "/", ".")
	}
	return key, val, nil
}

// SysctlNamespace is the OCI namespace that a sysctl belongs to: ipc, network or uts.
// It is "" for the machine's own, which no container may set.
func SysctlNamespace(key string) string {
	switch key {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
		"kernel.msg_next_id", "kernel.sem_next_id", "kernel.shm_next_id":
		return "ipc" // sysvipc(7), ipc_namespaces(7)
	case "kernel.domainname":
		return "uts" // kernel.hostname is -h
	}
	switch {
	case strings.HasPrefix(key, "fs.mqueue."):
		return "ipc" // mq_overview(7)
	case strings.HasPrefix(key, "net."):
		return "network" // network_namespaces(7)
	}
	return ""
}

// CheckSysctl refuses a sysctl that the container has no namespace of its own for. private
// tells whether the container has one of a kind.
func CheckSysctl(key string, private func(namespace string) bool) error {
	if key == "kernel.hostname" {
		return Invalid(key, "the host name is set with --hostname")
	}
	namespace := SysctlNamespace(key)
	if namespace == "" {
		return Unsupported(key, "it is the machine's, not a namespace's: want one of net.*, fs.mqueue.*, kernel.{msg*,sem,shm*,domainname}")
	}
	if !private(namespace) {
		flag := namespace
		return Unsupported(key, "with --%s host it would be the host's own", flag)
	}
	return nil
}
