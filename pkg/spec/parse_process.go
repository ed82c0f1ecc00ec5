package spec

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// ParseEntrypoint reads --entrypoint: a program, or a JSON array of it and its first
// arguments; "" and [] clear the image's.
func ParseEntrypoint(value string) ([]string, error) {
	if err := noNUL(value); err != nil {
		return nil, err
	}
	if value == "" {
		return []string{}, nil
	}
	if strings.HasPrefix(value, "[") {
		var list []string
		if err := json.Unmarshal([]byte(value), &list); err != nil {
			return nil, invalid(value, `want a program or a JSON array such as ["sh", "-c"]: %v`, err)
		}
		return list, nil
	}
	return []string{value}, nil
}

// ParseUser checks the form of -u: a name or id, a colon, a group's name or id. Whether
// they exist is for the container's passwd and group files to say.
func ParseUser(value string) (string, error) {
	user, group, two := strings.Cut(value, ":")
	if strings.ContainsAny(value, "\x00\n/ ") || strings.Contains(group, ":") {
		return "", invalid(value, "want USER[:GROUP], by name or number")
	}
	if user == "" {
		return "", invalid(value, "the user is empty: want USER[:GROUP], by name or number")
	}
	if two && group == "" {
		return "", invalid(value, "the group is empty: want USER[:GROUP], by name or number")
	}
	for _, id := range []string{user, group} {
		if !isID(id) && looksNumeric(id) {
			return "", invalid(value, "%q is not an id: want 0 to 4294967294", id)
		}
	}
	return value, nil
}

// KeepGroups is the --group-add that keeps the caller's own groups.
const KeepGroups = "keep-groups"

// ParseGroups reads all --group-add: names, numbers, or keep-groups alone.
func ParseGroups(values []string) (names []string, ids []uint32, keep bool, err error) {
	for _, value := range values {
		switch {
		case value == KeepGroups:
			keep = true
		case isID(value):
			n, _ := strconv.ParseUint(value, 10, 32)
			ids = append(ids, uint32(n))
		case value == "" || strings.ContainsAny(value, "\x00\n:/, ") || looksNumeric(value):
			return nil, nil, false, invalid(value, "want a group's name or number, or keep-groups")
		default:
			names = append(names, value)
		}
	}
	if keep && len(values) > 1 {
		return nil, nil, false, invalid(strings.Join(values, ","), "keep-groups cannot be combined with other groups: only root could join them")
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

// ParseHostname checks a host or domain name against hostname(7).
func ParseHostname(value string) (string, error) {
	if value == "" || len(value) > 64 {
		return "", invalid(value, "want a host name of 1 to 64 characters") // uname(2): 64 bytes
	}
	for i, r := range value {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && r != '_' && (i == 0 || r != '-' && r != '.') {
			return "", invalid(value, "a host name has letters, digits, dots and dashes, and begins with a letter or digit")
		}
	}
	return value, nil
}

// ParseName checks a container's name.
func ParseName(value string) (string, error) {
	for i, r := range value {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !alnum && (i == 0 || r != '_' && r != '.' && r != '-') {
			return "", invalid(value, "a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit")
		}
	}
	if value == "" || len(value) > 255 {
		return "", invalid(value, "a name has 1 to 255 characters")
	}
	return value, nil
}

// ParseWorkdir checks -w.
func ParseWorkdir(value string) (string, error) {
	if !strings.HasPrefix(value, "/") {
		return "", invalid(value, "want an absolute path in the container")
	}
	return value, noNUL(value)
}

// ParseTimezone checks --tz: "local" or a name below /usr/share/zoneinfo.
func ParseTimezone(value string) (string, error) {
	if value == "local" {
		return value, nil
	}
	bad := func(part string) bool { return part == "" || part == "." || part == ".." }
	if strings.ContainsRune(value, 0) || slices.ContainsFunc(strings.Split(value, "/"), bad) {
		return "", invalid(value, "want local or a time zone such as Europe/Paris")
	}
	return value, nil
}

// ParseAttach reads all -a.
func ParseAttach(values []string) ([]string, error) {
	var out []string
	for _, value := range values {
		name := strings.ToLower(value)
		if name != "stdin" && name != "stdout" && name != "stderr" {
			return nil, invalid(value, "want stdin, stdout or stderr")
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}
