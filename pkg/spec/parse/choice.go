package parse

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Choice takes one of a few words.
func Choice(value string, choices ...string) (string, error) {
	if !slices.Contains(choices, value) {
		return "", Invalid(value, "want %s%s", orList(choices), spec.Meant(value, choices))
	}
	return value, nil
}

func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// PullPolicies are the words of --pull.
func PullPolicies() []string { return []string{"always", "missing", "never", "newer"} }

// Pull reads --pull: a policy, or true and false as podman takes them.
func Pull(value string) (string, error) {
	switch value {
	case "true", "ifnotpresent":
		return "missing", nil
	case "false":
		return "never", nil
	}
	return Choice(value, PullPolicies()...)
}

// Namespace reads --pid, --ipc, --uts and --cgroupns. It returns "private" or "host".
func Namespace(value string) (string, error) {
	switch {
	case value == "private" || value == "":
		return "private", nil
	case value == "host":
		return "host", nil
	case strings.HasPrefix(value, "container:"), strings.HasPrefix(value, "ns:"), value == "pod", value == "shareable", value == "none":
		return "", Unsupported(value, "it is not supported yet: want private or host")
	}
	return "", Invalid(value, "want private or host")
}

// IPC reads --ipc: none is a namespace without /dev/shm, shareable a private one.
func IPC(value string) (string, error) {
	switch value {
	case "none":
		return value, nil
	case "shareable":
		return "private", nil
	}
	return Namespace(value)
}

// Rootfs reads the operand of --rootfs, PATH[:O]. A relative path is taken from cwd.
func Rootfs(value, cwd string) (spec.Rootfs, error) {
	if err := NoNUL(value); err != nil {
		return spec.Rootfs{}, err
	}
	path, option, found := strings.Cut(value, ":")
	if path == "" {
		return spec.Rootfs{}, Invalid(value, "want PATH or PATH:O")
	}
	rootfs := spec.Rootfs{Path: filepath.Join(cwd, path)}
	if filepath.IsAbs(path) {
		rootfs.Path = filepath.Clean(path)
	}
	switch {
	case !found:
	case option == "O":
		rootfs.Overlay = true
	case option == "idmap" || strings.HasPrefix(option, "idmap="):
		return spec.Rootfs{}, Unsupported(value, "id-mapped mounts of a host directory are for root: want PATH or PATH:O")
	default:
		return spec.Rootfs{}, Invalid(value, "unknown option %q: want PATH or PATH:O", option)
	}
	return rootfs, nil
}

// Platform reads OS/ARCH[/VARIANT], or ARCH alone (linux is meant then).
func Platform(value string) (spec.Platform, error) {
	parts := strings.Split(strings.ToLower(value), "/")
	if slices.Contains(parts, "") || len(parts) > 3 || strings.ContainsAny(value, " \t\n\x00:,") {
		return spec.Platform{}, Invalid(value, "want OS/ARCH[/VARIANT] such as linux/arm64")
	}
	if len(parts) == 1 {
		if parts[0] == "linux" {
			return spec.Platform{OS: "linux"}, nil
		}
		parts = []string{"linux", parts[0]}
	}
	platform := spec.Platform{OS: parts[0], Arch: Arch(parts[1])}
	if len(parts) == 3 {
		platform.Variant = parts[2]
	}
	return platform, nil
}

// Arch is Go's name for a processor that uname(2) or a distribution calls otherwise.
func Arch(value string) string {
	switch value {
	case "x86_64", "x86-64":
		return "amd64"
	case "aarch64":
		return "arm64"
	case "i386", "i686":
		return "386"
	case "armhf", "armv7l":
		return "arm"
	case "ppc64el":
		return "ppc64le"
	}
	return value
}
