package parse

import (
	"strings"

	"tags.cncf.io/container-device-interface/pkg/parser"

	"github.com/rc-containers/rc/pkg/spec"
)

// Device reads --device HOST[:CONTAINER[:PERMS]]; HOST:PERMS is taken too.
func Device(value string) (spec.Device, error) {
	if err := NoNUL(value); err != nil {
		return spec.Device{}, err
	}
	if !strings.HasPrefix(value, "/") && strings.Contains(value, "=") {
		if _, _, _, err := parser.ParseQualifiedName(value); err != nil {
			return spec.Device{}, Invalid(value, "want HOST[:CONTAINER[:PERMS]] or a CDI name such as vendor.com/class=name (%w)", err)
		}
		return spec.Device{CDI: value}, nil
	}
	parts := strings.Split(value, ":")
	device := spec.Device{Host: parts[0], Container: parts[0], Perms: "rwm"}
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
		return spec.Device{}, Invalid(value, "want HOST[:CONTAINER[:PERMS]]")
	}
	if !strings.HasPrefix(device.Host, "/") {
		return spec.Device{}, Invalid(value, "%q is not an absolute path: want HOST[:CONTAINER[:PERMS]] or a CDI name such as vendor.com/class=name", device.Host)
	}
	if !isPerms(device.Perms) {
		return spec.Device{}, Invalid(value, "permissions %q: want some of r, w and m", device.Perms)
	}
	if !strings.Contains(device.Perms, "r") || !strings.Contains(device.Perms, "w") {
		// A read-only bind mount does not keep anybody from writing to a device, and device
		// cgroups need privileges in the first user namespace.
		return spec.Device{}, Unsupported(value, "permissions %q cannot be enforced by an ordinary user: want rw; the device's own mode decides", device.Perms)
	}
	container, err := Path(value, device.Container)
	if err != nil {
		return spec.Device{}, err
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

// gpuKind is what --gpus means, in podman too: GPUs are named as nvidia-ctk names them.
const gpuKind = "nvidia.com/gpu="

// GPUs reads --gpus all|NAME[,NAME…]|device=NAME[,NAME…]; NAME is a number or a UUID.
func GPUs(value string) ([]spec.Device, error) {
	names := strings.TrimPrefix(strings.Trim(value, `"`), "device=")
	var devices []spec.Device
	for name := range strings.SplitSeq(names, ",") {
		device, err := Device(gpuKind + name)
		if err != nil || strings.Contains(name, "=") {
			return nil, Invalid(value, "want all, or numbers or UUIDs of GPUs with commas between them; capabilities, count and driver are docker's own")
		}
		devices = append(devices, device)
	}
	return devices, nil
}
