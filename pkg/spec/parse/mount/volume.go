package mount

import (
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
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
	case spec.OptChown, spec.OptOverlay:
		return option
	}
	if key, value, ok := strings.Cut(option, "="); ok && value != "" && (key+"=" == spec.OptUpper || key+"=" == spec.OptWork) {
		return key
	}
	return ""
}

// Volume reads docker's and podman's -v [SRC:]DST[:OPTIONS]. A relative source
// ("./src", "../src", ".") is taken from cwd; a bare word is a volume's name, and without a
// source there is a new volume without a name. It returns a bind mount or one of TypeVolume;
// with option O its Options hold OptOverlay.
func Volume(value, cwd string) (specs.Mount, error) {
	if err := parse.NoNUL(value); err != nil {
		return specs.Mount{}, err
	}
	parts := strings.Split(value, ":")
	switch {
	case len(parts) > 3:
		return specs.Mount{}, parse.Invalid(value, "want [SRC:]DST[:OPTIONS], there are %d colons", len(parts)-1)
	case len(parts) == 1 && strings.HasPrefix(value, "/"):
		destination, err := parse.Path(value, value)
		if err != nil {
			return specs.Mount{}, err
		}
		return volumeMount(value, "", destination, nil)
	case len(parts) == 1:
		return specs.Mount{}, parse.Invalid(value, "want [SRC:]DST[:OPTIONS]")
	case parts[0] == "":
		return specs.Mount{}, parse.Invalid(value, "the source is empty")
	}
	destination, err := parse.Path(value, parts[1])
	if err != nil {
		return specs.Mount{}, err
	}
	var options []string
	if len(parts) == 3 && parts[2] != "" {
		options = strings.Split(parts[2], ",")
	}
	if !isHostPath(parts[0]) {
		return volumeMount(value, parts[0], destination, options)
	}
	return bindMount(value, hostPath(parts[0], cwd), destination, options)
}

// isHostPath tells a path from a volume's name as podman does.
func isHostPath(source string) bool {
	return strings.HasPrefix(source, "/") || strings.HasPrefix(source, ".")
}

// hostPath makes the source of a mount absolute.
func hostPath(source, cwd string) string {
	if filepath.IsAbs(source) {
		return filepath.Clean(source)
	}
	return filepath.Join(cwd, source)
}

// bindMount is a mount of a host's path.
func bindMount(value, source, destination string, options []string) (specs.Mount, error) {
	options, err := bindOptions(value, options)
	if err != nil {
		return specs.Mount{}, err
	}
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: options}, nil
}

// volumeMount is a mount of a volume; name is "" for a new one that nobody has named. As in
// podman set-uid bits and devices are without effect in it unless that is asked for.
func volumeMount(value, name, destination string, options []string) (specs.Mount, error) {
	if name != "" {
		if strings.HasPrefix(name, "~") {
			return specs.Mount{}, parse.Invalid(value, "%q was not expanded by the shell: write $HOME", name)
		}
		if err := spec.CheckVolumeName(name); err != nil {
			return specs.Mount{}, parse.Invalid(value, "%w; a directory is written /%s or ./%s", err, name, name)
		}
	}
	var own, plain []string
	for _, option := range options {
		key, _, hasValue := strings.Cut(option, "=")
		if key += "="; hasValue && (key == spec.OptSubpath || key == spec.OptVolumeLabel || key == spec.OptVolumeOpt) {
			own = append(own, option)
			continue
		}
		plain = append(plain, option)
	}
	if slices.Contains(plain, spec.OptNoCopy) {
		own = append(own, spec.OptNoCopy)
	}
	given := plain
	options, err := bindOptions(value, plain)
	if err != nil {
		return specs.Mount{}, err
	}
	if !slices.Contains(given, spec.OptOverlay) {
		for _, option := range []string{"nosuid", "nodev"} {
			if !slices.Contains(given, option) && !slices.Contains(given, strings.TrimPrefix(option, "no")) {
				options = append(options, option)
			}
		}
	}
	return specs.Mount{Type: spec.TypeVolume, Source: name, Destination: destination, Options: append(options, own...)}, nil
}

// bindOptions checks the options of a bind mount and completes them: rbind and rprivate
// where nothing else is said. The labels z and Z are dropped (see NoOps).
func bindOptions(value string, options []string) ([]string, error) {
	if err := checkOptions(value, options); err != nil {
		return nil, err
	}
	if slices.Contains(options, spec.OptOverlay) {
		return overlayOptions(value, options)
	}
	for _, option := range options {
		if strings.HasPrefix(option, spec.OptUpper) || strings.HasPrefix(option, spec.OptWork) {
			return nil, parse.Invalid(value, "option %q belongs to O", option)
		}
	}
	var out []string
	bind, propagation := "rbind", "rprivate"
	for _, option := range options {
		switch optionGroup(option) {
		case "label", "copy":
			// A host directory is never filled; volumeMount looks at it by itself.
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

// overlayOptions are the options of -v SRC:DST:O: U, and where what is written goes, are all
// that can be said beside it, since the overlay is writable and leaves the source alone.
func overlayOptions(value string, options []string) ([]string, error) {
	out := []string{spec.OptOverlay}
	dirs := 0
	for _, option := range options {
		switch group := optionGroup(option); {
		case option == spec.OptOverlay, group == "label", group == "copy":
		case option == spec.OptChown:
			out = append(out, option)
		case group+"=" == spec.OptUpper || group+"=" == spec.OptWork:
			if !strings.HasPrefix(option[len(group)+1:], "/") {
				return nil, parse.Invalid(value, "option %q: want an absolute path", option)
			}
			out = append(out, option)
			dirs++
		default:
			return nil, parse.Invalid(value, "option %q cannot be combined with O: the overlay is the container's own", option)
		}
	}
	if dirs == 1 {
		return nil, parse.Invalid(value, "upperdir= and workdir= belong together")
	}
	return out, nil
}

// checkOptions refuses options that do not exist, and two of a kind.
func checkOptions(value string, options []string) error {
	seen := map[string]string{}
	for _, option := range options {
		if option == "idmap" || strings.HasPrefix(option, "idmap=") {
			return parse.Unsupported(value, "option %q needs privileges that an ordinary user has not: id-mapped mounts of a host directory are for root", option)
		}
		group := optionGroup(option)
		if group == "" {
			return parse.Invalid(value, "unknown option %q: want some of ro rw exec noexec suid nosuid dev nodev bind rbind [r]shared [r]slave [r]private z Z U O[,upperdir=DIR,workdir=DIR] copy nocopy", option)
		}
		if other, twice := seen[group]; twice {
			if other == option {
				return parse.Invalid(value, "option %q is there twice", option)
			}
			return parse.Invalid(value, "options %q and %q exclude each other", other, option)
		}
		seen[group] = option
	}
	return nil
}
