package spec

import (
	"strings"
)

// Device is one --device: a node of the host, or a directory of such, shown to the container.
type Device struct {
	Host      string
	Container string
	Perms     string // of r, w and m
}

// ParseDevice reads --device HOST[:CONTAINER[:PERMS]]; HOST:PERMS is taken too.
func ParseDevice(value string) (Device, error) {
	if err := noNUL(value); err != nil {
		return Device{}, err
	}
	parts := strings.Split(value, ":")
	device := Device{Host: parts[0], Container: parts[0], Perms: "rwm"}
	switch len(parts) {
	case 1:
	case 2:
		if isPerms(parts[1]) {
			device.Perms = parts[1]
		} else {
			device.Container = parts[1]
		}
	case 3:
		device.Container, device.Perms = parts[1], parts[2]
		if device.Container == "" {
			device.Container = device.Host
		}
	default:
		return Device{}, invalid(value, "want HOST[:CONTAINER[:PERMS]]")
	}
	if !strings.HasPrefix(device.Host, "/") {
		if strings.Contains(device.Host, "=") {
			return Device{}, unsupported(value, "CDI devices are not supported yet: want a path below /dev")
		}
		return Device{}, invalid(value, "%q is not an absolute path: want HOST[:CONTAINER[:PERMS]]", device.Host)
	}
	if !isPerms(device.Perms) {
		return Device{}, invalid(value, "permissions %q: want some of r, w and m", device.Perms)
	}
	if !strings.Contains(device.Perms, "r") || !strings.Contains(device.Perms, "w") {
		// A read-only bind mount does not keep anybody from writing to a device, and device
		// cgroups need privileges in the first user namespace.
		return Device{}, unsupported(value, "permissions %q cannot be enforced by an ordinary user: want rw; the device's own mode decides", device.Perms)
	}
	container, err := containerPath(value, device.Container)
	if err != nil {
		return Device{}, err
	}
	device.Container = container
	return device, nil
}

func isPerms(s string) bool {
	if s == "" || strings.Trim(s, "rwm") != "" {
		return false
	}
	return strings.Count(s, "r") < 2 && strings.Count(s, "w") < 2 && strings.Count(s, "m") < 2
}
