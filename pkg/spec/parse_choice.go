package spec

import (
	"path/filepath"
	"slices"
	"strings"
)

// ParseChoice takes one of a few words.
func ParseChoice(value string, choices ...string) (string, error) {
	if !slices.Contains(choices, value) {
		return "", invalid(value, "want %s%s", orList(choices), Meant(value, choices))
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

// ParsePull reads --pull: a policy, or true and false as podman takes them.
func ParsePull(value string) (string, error) {
	switch value {
	case "true", "ifnotpresent":
		return "missing", nil
	case "false":
		return "never", nil
	}
	return ParseChoice(value, PullPolicies()...)
}

// ParseNamespace reads --pid, --ipc, --uts and --cgroupns. It returns "private" or "host".
func ParseNamespace(value string) (string, error) {
	switch {
	case value == "private" || value == "":
		return "private", nil
	case value == "host":
		return "host", nil
	case strings.HasPrefix(value, "container:"), strings.HasPrefix(value, "ns:"), value == "pod", value == "shareable", value == "none":
		return "", unsupported(value, "it is not supported yet: want private or host")
	}
	return "", invalid(value, "want private or host")
}

// ParseRootfs reads the operand of --rootfs, PATH[:O]. A relative path is taken from cwd.
func ParseRootfs(value, cwd string) (Rootfs, error) {
	if err := noNUL(value); err != nil {
		return Rootfs{}, err
	}
	path, option, found := strings.Cut(value, ":")
	if path == "" {
		return Rootfs{}, invalid(value, "want PATH or PATH:O")
	}
	rootfs := Rootfs{Path: filepath.Join(cwd, path)}
	if filepath.IsAbs(path) {
		rootfs.Path = filepath.Clean(path)
	}
	switch {
	case !found:
	case option == "O":
		rootfs.Overlay = true
	case option == "idmap" || strings.HasPrefix(option, "idmap="):
		return Rootfs{}, unsupported(value, "id-mapped mounts of a host directory are for root: want PATH or PATH:O")
	default:
		return Rootfs{}, invalid(value, "unknown option %q: want PATH or PATH:O", option)
	}
	return rootfs, nil
}

// Platform is an image's operating system and processor.
type Platform struct{ OS, Arch, Variant string }

// ParsePlatform reads OS/ARCH[/VARIANT], or ARCH alone (linux is meant then).
func ParsePlatform(value string) (Platform, error) {
	parts := strings.Split(strings.ToLower(value), "/")
	if slices.Contains(parts, "") || len(parts) > 3 || strings.ContainsAny(value, " \t\n\x00:,") {
		return Platform{}, invalid(value, "want OS/ARCH[/VARIANT] such as linux/arm64")
	}
	if len(parts) == 1 {
		if parts[0] == "linux" {
			return Platform{OS: "linux"}, nil
		}
		parts = []string{"linux", parts[0]}
	}
	platform := Platform{OS: parts[0], Arch: ParseArch(parts[1])}
	if len(parts) == 3 {
		platform.Variant = parts[2]
	}
	return platform, nil
}

// ParseArch is Go's name for a processor that uname(2) or a distribution calls otherwise.
func ParseArch(value string) string {
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
