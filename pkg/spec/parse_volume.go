package spec

import (
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Mount options that rc itself carries out; the rest go to mount(2).
const (
	// OptCopyUp fills an empty source with what the image has at the destination.
	OptCopyUp = "copyup"
	// OptTmpCopyUp fills a tmpfs with what the image has at the destination.
	OptTmpCopyUp = "tmpcopyup"
	// OptChown gives the source tree to the container's user.
	OptChown = "U"
	// OptOverlay mounts a throw-away overlay over the source.
	OptOverlay = "O"
)

// optionGroup names what an option decides: a mount can have one of each. It is "" for
// what is no option.
func optionGroup(option string) string {
	switch option {
	case "ro", "rw":
		return "access"
	case "z", "Z":
		return "label"
	case "copy", "nocopy":
		return "copy"
	case "exec", "noexec":
		return "exec"
	case "suid", "nosuid":
		return "suid"
	case "dev", "nodev":
		return "dev"
	case "shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable":
		return "propagation"
	case "bind", "rbind":
		return "bind"
	case OptChown, OptOverlay:
		return option
	}
	return ""
}

// ParseVolume reads docker's and podman's -v SRC:DST[:OPTIONS]. A relative source
// ("./src", "../src", ".") is taken from cwd. It returns a bind mount, or with option O a
// mount whose Options hold OptOverlay.
func ParseVolume(value, cwd string) (specs.Mount, error) {
	if err := noNUL(value); err != nil {
		return specs.Mount{}, err
	}
	parts := strings.Split(value, ":")
	switch {
	case len(parts) > 3:
		return specs.Mount{}, invalid(value, "want SRC:DST[:OPTIONS], there are %d colons", len(parts)-1)
	case len(parts) == 1 && strings.HasPrefix(value, "/"):
		return specs.Mount{}, unsupported(value, "anonymous volumes are not supported yet; want SRC:DST[:OPTIONS]")
	case len(parts) == 1:
		return specs.Mount{}, invalid(value, "want SRC:DST[:OPTIONS]")
	}
	source, err := hostPath(value, parts[0], cwd)
	if err != nil {
		return specs.Mount{}, err
	}
	destination, err := containerPath(value, parts[1])
	if err != nil {
		return specs.Mount{}, err
	}
	var options []string
	if len(parts) == 3 && parts[2] != "" {
		options = strings.Split(parts[2], ",")
	}
	options, err = bindOptions(value, options)
	if err != nil {
		return specs.Mount{}, err
	}
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: options}, nil
}

// hostPath makes the source of a mount absolute. A bare word would be a volume's name.
func hostPath(value, source, cwd string) (string, error) {
	switch {
	case source == "":
		return "", invalid(value, "the source is empty")
	case filepath.IsAbs(source):
		return filepath.Clean(source), nil
	case source == "." || source == ".." || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../"):
		return filepath.Join(cwd, source), nil
	case strings.HasPrefix(source, "~"):
		return "", invalid(value, "%q was not expanded by the shell: write $HOME", source)
	default:
		return "", unsupported(value, "%q is the name of a volume, and volumes are not supported yet; a directory is written /%s or ./%s",
			source, source, source)
	}
}

// containerPath checks the destination of a mount.
func containerPath(value, destination string) (string, error) {
	if destination == "" {
		return "", invalid(value, "the destination is empty")
	}
	if !strings.HasPrefix(destination, "/") {
		return "", invalid(value, "destination %q is not an absolute path", destination)
	}
	clean := filepath.Clean(destination)
	if clean == "/" {
		return "", invalid(value, "destination / would hide the whole image")
	}
	return clean, nil
}

// bindOptions checks the options of a bind mount and completes them: rbind and rprivate
// where nothing else is said. The labels z and Z are dropped (see NoOps).
func bindOptions(value string, options []string) ([]string, error) {
	if err := checkOptions(value, options); err != nil {
		return nil, err
	}
	if slices.Contains(options, OptOverlay) {
		return overlayOptions(value, options)
	}
	var out []string
	bind, propagation := "rbind", "rprivate"
	for _, option := range options {
		switch optionGroup(option) {
		case "label", "copy":
			// nocopy and copy speak of volumes; a host directory is never filled.
		case "bind":
			bind = option
		case "propagation":
			propagation = option
		default:
			out = append(out, option)
		}
	}
	return append([]string{bind, propagation}, out...), nil
}

// overlayOptions are the options of -v SRC:DST:O: only U says anything beside it, since
// the overlay is writable and leaves the source alone.
func overlayOptions(value string, options []string) ([]string, error) {
	out := []string{OptOverlay}
	for _, option := range options {
		switch {
		case option == OptOverlay, optionGroup(option) == "label":
		case option == OptChown:
			out = append(out, option)
		default:
			return nil, invalid(value, "option %q cannot be combined with O: the overlay is the container's own", option)
		}
	}
	return out, nil
}

// checkOptions refuses options that do not exist, and two of a kind.
func checkOptions(value string, options []string) error {
	seen := map[string]string{}
	for _, option := range options {
		if option == "idmap" || strings.HasPrefix(option, "idmap=") {
			return unsupported(value, "option %q needs privileges that an ordinary user has not: id-mapped mounts of a host directory are for root", option)
		}
		if strings.HasPrefix(option, "upperdir=") || strings.HasPrefix(option, "workdir=") {
			return unsupported(value, "option %q: an overlay of your own is not supported yet; O alone makes a throw-away one", option)
		}
		group := optionGroup(option)
		if group == "" {
			return invalid(value, "unknown option %q: want some of ro rw exec noexec suid nosuid dev nodev bind rbind [r]shared [r]slave [r]private z Z U O copy nocopy", option)
		}
		if other, twice := seen[group]; twice {
			if other == option {
				return invalid(value, "option %q is there twice", option)
			}
			return invalid(value, "options %q and %q exclude each other", other, option)
		}
		seen[group] = option
	}
	return nil
}
