package parse

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Entrypoint reads --entrypoint: a program, or a JSON array of it and its first
// arguments; "" and [] clear the image's.
func Entrypoint(value string) ([]string, error) {
	if err := NoNUL(value); err != nil {
		return nil, err
	}
	if value == "" {
		return []string{}, nil
	}
	if strings.HasPrefix(value, "[") {
		var list []string
		if err := json.Unmarshal([]byte(value), &list); err != nil {
			return nil, Invalid(value, `want a program or a JSON array such as ["sh", "-c"]: %v`, err)
		}
		return list, nil
	}
	return []string{value}, nil
}

// User checks the form of -u: a name or id, a colon, a group's name or id. Whether
// they exist is for the container's passwd and group files to say.
func User(value string) (string, error) {
	user, group, two := strings.Cut(value, ":")
	if strings.ContainsAny(value, "\x00\n/ ") || strings.Contains(group, ":") {
		return "", Invalid(value, "want USER[:GROUP], by name or number")
	}
	if user == "" {
		return "", Invalid(value, "the user is empty: want USER[:GROUP], by name or number")
	}
	if two && group == "" {
		return "", Invalid(value, "the group is empty: want USER[:GROUP], by name or number")
	}
	for _, id := range []string{user, group} {
		if !isID(id) && looksNumeric(id) {
			return "", Invalid(value, "%q is not an id: want 0 to 4294967294", id)
		}
	}
	return value, nil
}

// Groups reads all --group-add: names, numbers, or keep-groups alone.
func Groups(values []string) (names []string, ids []uint32, keep bool, err error) {
	for _, value := range values {
		switch {
		case value == spec.KeepGroups:
			keep = true
		case isID(value):
			n, _ := strconv.ParseUint(value, 10, 32)
			ids = append(ids, uint32(n))
		case value == "" || strings.ContainsAny(value, "\x00\n:/, ") || looksNumeric(value):
			return nil, nil, false, Invalid(value, "want a group's name or number, or keep-groups")
		default:
			names = append(names, value)
		}
	}
	if keep && len(values) > 1 {
		return nil, nil, false, Invalid(strings.Join(values, ","), "keep-groups cannot be combined with other groups: only root could join them")
	}
	return names, ids, keep, nil
}

// isID tells whether s is a user or group id; the largest number is no id but setuid(2)'s -1.
func isID(s string) bool {
	n, err := strconv.ParseUint(s, 10, 32)
	return err == nil && n != 1<<32-1
}

func looksNumeric(s string) bool {
	return s != "" && strings.Trim(s, "0123456789+-") == ""
}

// Hostname checks a host or domain name against hostname(7).
func Hostname(value string) (string, error) {
	if value == "" || len(value) > 64 {
		return "", Invalid(value, "want a host name of 1 to 64 characters") // uname(2): 64 bytes
	}
	for i, r := range value {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && r != '_' && (i == 0 || r != '-' && r != '.') {
			return "", Invalid(value, "a host name has letters, digits, dots and dashes, and begins with a letter or digit")
		}
	}
	return value, nil
}

// Name checks a container's name.
func Name(value string) (string, error) {
	for i, r := range value {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && (i == 0 || r != '_' && r != '.' && r != '-') {
			return "", Invalid(value, "a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit")
		}
	}
	if value == "" || len(value) > 255 {
		return "", Invalid(value, "a name has 1 to 255 characters")
	}
	return value, nil
}

// Workdir checks -w.
func Workdir(value string) (string, error) {
	if !strings.HasPrefix(value, "/") {
		return "", Invalid(value, "want an absolute path in the container")
	}
	return value, NoNUL(value)
}

// Timezone checks --tz: "local" or a name below /usr/share/zoneinfo.
func Timezone(value string) (string, error) {
	if value == "local" {
		return value, nil
	}
	bad := func(part string) bool { return part == "" || part == "." || part == ".." }
	if strings.ContainsRune(value, 0) || slices.ContainsFunc(strings.Split(value, "/"), bad) {
		return "", Invalid(value, "want local or a time zone such as Europe/Paris")
	}
	return value, nil
}

// Attach reads all -a.
func Attach(values []string) ([]string, error) {
	var out []string
	for _, value := range values {
		name := strings.ToLower(value)
		if name != "stdin" && name != "stdout" && name != "stderr" {
			return nil, Invalid(value, "want stdin, stdout or stderr")
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// Descriptor reads one of --preserve-fd: those below 3 are the standard streams.
func Descriptor(value string) (int, error) {
	const first, most = 3, 1 << 20
	n, err := strconv.Atoi(value)
	if err != nil || n < first || n > most {
		return 0, Invalid(value, "want the number of a file descriptor, 3 or more")
	}
	return n, nil
}
