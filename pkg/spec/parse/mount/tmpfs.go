package mount

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// Tmpfs reads --tmpfs PATH[:OPTIONS]: options of tmpfs(5) beside podman's
// tmpcopyup and notmpcopyup. What the image has at PATH is copied up unless notmpcopyup is said.
func Tmpfs(value string) (specs.Mount, error) {
	if err := parse.NoNUL(value); err != nil {
		return specs.Mount{}, err
	}
	path, list, _ := strings.Cut(value, ":")
	destination, err := parse.Path(value, path)
	if err != nil {
		return specs.Mount{}, err
	}
	var options []string
	if list != "" {
		options = strings.Split(list, ",")
	}
	return newTmpfs(value, destination, options)
}

// newTmpfs checks the options of a tmpfs and completes them with nosuid, nodev and rprivate.
func newTmpfs(value, destination string, options []string) (specs.Mount, error) {
	copyUp, propagation := spec.OptTmpCopyUp, "rprivate"
	var words, params, chown []string
	seen := map[string]bool{}
	for _, option := range options {
		key, val, hasValue := strings.Cut(option, "=")
		if seen[key] {
			return specs.Mount{}, parse.Invalid(value, "option %q is there twice", key)
		}
		seen[key] = true
		switch {
		case hasValue:
			if err := checkTmpfsParam(value, key, val); err != nil {
				return specs.Mount{}, err
			}
			params = append(params, key+"="+tmpfsParam(key, val))
		case option == "notmpcopyup":
			copyUp = ""
		case option == spec.OptTmpCopyUp:
		case optionGroup(option) == "propagation":
			propagation = option
		case option == spec.OptChown:
			chown = []string{spec.OptChown}
		case slices.Contains([]string{"access", "exec", "suid", "dev"}, optionGroup(option)):
			words = append(words, option)
		default:
			return specs.Mount{}, parse.Invalid(value, "unknown option %q: want some of ro rw exec noexec suid nosuid dev nodev size= mode= uid= gid= nr_inodes= nr_blocks= tmpcopyup notmpcopyup U", option)
		}
	}
	if err := checkOptions(value, words); err != nil {
		return specs.Mount{}, err
	}
	out := []string{propagation}
	for _, option := range []string{"nosuid", "nodev"} {
		if !seen[option] && !seen[strings.TrimPrefix(option, "no")] {
			out = append(out, option)
		}
	}
	out = append(append(append(out, words...), params...), chown...)
	if copyUp != "" {
		out = append(out, copyUp)
	}
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: destination, Options: out}, nil
}

// checkTmpfsParam checks a key=value option against tmpfs(5).
func checkTmpfsParam(value, key, val string) error {
	var err error
	switch key {
	case "size":
		if percent, ok := strings.CutSuffix(val, "%"); ok {
			_, err = strconv.ParseUint(percent, 10, 32)
		} else {
			_, err = parse.Size(val)
		}
		if err != nil {
			return parse.Invalid(value, "size=%s: want a number with b, k, m or g, or a percentage of memory", val)
		}
	case "mode":
		if mode, err := strconv.ParseUint(val, 8, 32); err != nil || mode > 0o7777 {
			return parse.Invalid(value, "mode=%s: want octal digits such as 1777", val)
		}
	case "uid", "gid":
		if _, err := strconv.ParseUint(val, 10, 32); err != nil {
			return parse.Invalid(value, "%s=%s: want a number", key, val)
		}
	case "nr_inodes", "nr_blocks":
		if _, err := parse.Size(val); err != nil {
			return parse.Invalid(value, "%s=%s: want a number with k, m or g", key, val)
		}
	default:
		return parse.Invalid(value, "unknown option %q: want size= mode= uid= gid= nr_inodes= or nr_blocks=", key)
	}
	return nil
}

// tmpfsParam writes a size in bytes: the kernel knows k, m and g, and not b or "mb".
func tmpfsParam(key, val string) string {
	if key != "size" && key != "nr_inodes" && key != "nr_blocks" || strings.HasSuffix(val, "%") {
		return val
	}
	bytes, err := parse.Size(val)
	if err != nil {
		return val // checkTmpfsParam has refused it
	}
	return strconv.FormatInt(bytes, 10)
}
