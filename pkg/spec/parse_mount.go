package spec

import (
	"encoding/csv"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// mountFields is a --mount split at its commas, with the synonyms of docker and podman
// already folded together.
type mountFields struct {
	kind        string
	source      string
	destination string
	options     []string // option words in -v's vocabulary
	size        string
	mode        string
}

// ParseMount reads --mount type=bind|tmpfs,… (docker's and podman's long form).
func ParseMount(value, cwd string) (specs.Mount, error) {
	if err := noNUL(value); err != nil {
		return specs.Mount{}, err
	}
	fields, err := splitMount(value)
	if err != nil {
		return specs.Mount{}, err
	}
	if fields.destination == "" {
		return specs.Mount{}, invalid(value, "dst= is missing")
	}
	destination, err := containerPath(value, fields.destination)
	if err != nil {
		return specs.Mount{}, err
	}
	if fields.kind == "tmpfs" {
		return tmpfsMount(value, destination, fields)
	}
	if fields.size != "" || fields.mode != "" {
		return specs.Mount{}, invalid(value, "tmpfs-size= and tmpfs-mode= belong to type=tmpfs")
	}
	if fields.source == "" {
		return specs.Mount{}, invalid(value, "src= is missing")
	}
	source, err := hostPath(value, fields.source, cwd)
	if err != nil {
		return specs.Mount{}, err
	}
	options, err := bindOptions(value, fields.options)
	if err != nil {
		return specs.Mount{}, err
	}
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: options}, nil
}

// splitMount reads the fields; a field can be quoted as in CSV, since a path can hold a comma.
func splitMount(value string) (mountFields, error) {
	reader := csv.NewReader(strings.NewReader(value))
	record, err := reader.Read()
	if err != nil {
		return mountFields{}, invalid(value, "want type=bind,src=…,dst=… (%v)", err)
	}
	if _, err := reader.Read(); err == nil {
		return mountFields{}, invalid(value, "it has more than one line")
	}
	var fields mountFields
	seen := map[string]bool{}
	for _, field := range record {
		key, val, hasValue := strings.Cut(field, "=")
		key = mountKey(key)
		if seen[key] {
			return mountFields{}, invalid(value, "%q is there twice", key)
		}
		seen[key] = true
		if err := fields.set(value, key, val, hasValue); err != nil {
			return mountFields{}, err
		}
	}
	switch fields.kind {
	case "bind", "tmpfs":
		return fields, nil
	case "":
		// docker's and podman's default is a volume.
		return mountFields{}, invalid(value, "type= is missing: want type=bind or type=tmpfs (volumes are not supported yet)")
	case "volume", "image", "glob", "devpts", "ramfs", "artifact", "npipe", "cluster":
		return mountFields{}, unsupported(value, "type=%s is not supported yet: want bind or tmpfs", fields.kind)
	default:
		return mountFields{}, invalid(value, "unknown type %q: want bind or tmpfs", fields.kind)
	}
}

// mountKey folds synonyms.
func mountKey(key string) string {
	switch key {
	case "source":
		return "src"
	case "destination", "target":
		return "dst"
	case "readonly":
		return "ro"
	default:
		return key
	}
}

func (f *mountFields) set(value, key, val string, hasValue bool) error {
	needValue := func(to *string) error {
		if val == "" {
			return invalid(value, "%s= has no value", key)
		}
		*to = val
		return nil
	}
	switch key {
	case "type":
		return needValue(&f.kind)
	case "src":
		return needValue(&f.source)
	case "dst":
		return needValue(&f.destination)
	case "tmpfs-size":
		return needValue(&f.size)
	case "tmpfs-mode":
		return needValue(&f.mode)
	case "bind-propagation":
		if optionGroup(val) != "propagation" {
			return invalid(value, "bind-propagation=%s: want private, rprivate, shared, rshared, slave or rslave", val)
		}
		f.options = append(f.options, val)
		return nil
	case "bind-nonrecursive":
		return f.flag(value, key, val, hasValue, "bind", "rbind")
	case "ro":
		return f.flag(value, key, val, hasValue, "ro", "rw")
	case "rw":
		return f.flag(value, key, val, hasValue, "rw", "ro")
	case "exec":
		return f.flag(value, key, val, hasValue, "exec", "noexec")
	case "suid":
		return f.flag(value, key, val, hasValue, "suid", "nosuid")
	case "dev":
		return f.flag(value, key, val, hasValue, "dev", "nodev")
	case "noexec", "nosuid", "nodev":
		return f.flag(value, key, val, hasValue, key, "")
	case "U", "chown":
		return f.flag(value, key, val, hasValue, OptChown, "")
	case "tmpcopyup", "notmpcopyup":
		return f.flag(value, key, val, hasValue, key, "")
	case "relabel":
		if val != "shared" && val != "private" {
			return invalid(value, "relabel=%s: want shared or private", val)
		}
		return nil
	case "consistency":
		return nil // docker's, for Docker Desktop; says nothing on Linux
	default:
		if key == "idmap" {
			return checkOptions(value, []string{"idmap"})
		}
		return invalid(value, "unknown field %q: want type src dst ro bind-propagation bind-nonrecursive exec suid dev U relabel tmpfs-size tmpfs-mode tmpcopyup", key)
	}
}

// flag adds the option that key, key=true or key=false stand for.
func (f *mountFields) flag(value, key, val string, hasValue bool, yes, no string) error {
	on := true
	if hasValue {
		var err error
		if on, err = strconv.ParseBool(val); err != nil {
			return invalid(value, "%s=%s: want true or false", key, val)
		}
	}
	switch {
	case on:
		f.options = append(f.options, yes)
	case no != "":
		f.options = append(f.options, no)
	}
	return nil
}

// tmpfsMount turns the fields of type=tmpfs into a mount.
func tmpfsMount(value, destination string, fields mountFields) (specs.Mount, error) {
	if fields.source != "" && fields.source != "tmpfs" {
		return specs.Mount{}, invalid(value, "a tmpfs has no src=")
	}
	options := fields.options
	if fields.size != "" {
		options = append(options, "size="+fields.size)
	}
	if fields.mode != "" {
		options = append(options, "mode="+fields.mode)
	}
	return newTmpfs(value, destination, options)
}
