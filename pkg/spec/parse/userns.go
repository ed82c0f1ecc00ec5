package parse

import (
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// UsernsModes are the words of --userns, for completion.
func UsernsModes() []string {
	return []string{spec.UsernsHost, spec.UsernsKeepID, spec.UsernsKeepID + ":uid=", spec.UsernsNoMap, spec.UsernsAuto, spec.UsernsAuto + ":size=", spec.UsernsContainer + ":"}
}

// Userns reads --userns MODE[:OPTIONS].
func Userns(value string) (spec.Userns, error) {
	mode, rest, found := strings.Cut(value, ":")
	u := spec.Userns{Mode: mode}
	switch mode {
	case "", spec.UsernsHost, spec.UsernsNoMap, spec.UsernsPrivate:
		if found {
			return spec.Userns{}, Invalid(value, "%s takes no options", mode)
		}
		return u, nil
	case spec.UsernsKeepID, spec.UsernsAuto:
		for _, option := range splitOptions(rest, found) {
			if err := setUserns(&u, option); err != nil {
				return spec.Userns{}, err
			}
		}
		return u, nil
	case spec.UsernsContainer:
		if rest == "" {
			return spec.Userns{}, Invalid(value, "want container:NAME or container:ID")
		}
		u.Container = rest
		return u, NoNUL(rest)
	case "ns":
		return spec.Userns{}, Unsupported(value, "a namespace that was made elsewhere need not have the ids that images' files have on disk, "+
			"and an ordinary user may not map more into it: join another container's by container:NAME, or give --uidmap and --gidmap")
	}
	return spec.Userns{}, Invalid(value, "want host, keep-id, nomap, auto, private or container:NAME%s", spec.Meant(mode, UsernsModes()))
}

func splitOptions(text string, found bool) []string {
	if !found {
		return nil
	}
	return strings.Split(text, ",")
}

// setUserns takes one option of keep-id or auto.
func setUserns(u *spec.Userns, option string) error {
	key, value, _ := strings.Cut(option, "=")
	switch {
	case key == "size":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 0 || n > 1<<32-2 {
			return Invalid(option, "want size=N, the number of ids")
		}
		u.Size = uint32(n)
		return nil
	case u.Mode == spec.UsernsKeepID && (key == "uid" || key == "gid"):
		if !isID(value) {
			return Invalid(option, "want %s=N", key)
		}
		n, _ := strconv.ParseUint(value, 10, 32)
		id := uint32(n)
		if key == "uid" {
			u.UID = &id
		} else {
			u.GID = &id
		}
		return nil
	case u.Mode == spec.UsernsAuto && (key == "uidmapping" || key == "gidmapping"):
		m, err := IDMapping(value)
		if err != nil {
			return err
		}
		if m.Extend || m.UIDs || m.GIDs {
			return Invalid(option, "want %s=CONTAINER:FROM:COUNT without flags", key)
		}
		if key == "uidmapping" {
			u.UIDMaps = append(u.UIDMaps, m)
		} else {
			u.GIDMaps = append(u.GIDMaps, m)
		}
		return nil
	}
	if u.Mode == spec.UsernsKeepID {
		return Invalid(option, "keep-id takes uid=, gid= and size=")
	}
	return Invalid(option, "auto takes size=, uidmapping= and gidmapping=")
}

// IDMapping reads [FLAGS]CONTAINER:FROM[:COUNT] of --uidmap and --gidmap, where FLAGS are of
// "+", "u" and "g", and FROM may be @HOST-ID.
func IDMapping(value string) (spec.IDMapping, error) {
	const want = "want [+ug]CONTAINER:FROM[:COUNT], where FROM may be @HOST-ID"
	var m spec.IDMapping
	rest := strings.TrimLeft(value, "+ug")
	for _, flag := range value[:len(value)-len(rest)] {
		switch flag {
		case '+':
			m.Extend = true
		case 'u':
			m.UIDs = true
		case 'g':
			m.GIDs = true
		}
	}
	parts := strings.Split(rest, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return spec.IDMapping{}, Invalid(value, want)
	}
	parts[1], m.Host = strings.TrimPrefix(parts[1], "@"), strings.HasPrefix(parts[1], "@")
	numbers := []*uint32{&m.Container, &m.From, &m.Size}
	m.Size = 1
	for i, part := range parts {
		if !isID(part) {
			return spec.IDMapping{}, Invalid(value, want)
		}
		n, _ := strconv.ParseUint(part, 10, 32)
		*numbers[i] = uint32(n)
	}
	if m.Size == 0 {
		return spec.IDMapping{}, Invalid(value, "a count of 0 maps nothing")
	}
	if end := uint64(max(m.Container, m.From)) + uint64(m.Size); end > 1<<32-1 {
		return spec.IDMapping{}, Invalid(value, "ids end at %d", uint32(1<<32-2))
	}
	return m, nil
}

// AccountLine checks --passwd-entry and --group-entry.
func AccountLine(value string) (string, error) {
	if value == "" || strings.ContainsAny(strings.TrimSuffix(value, "\n"), "\n\x00") {
		return "", Invalid(value, "want one line of /etc/passwd or /etc/group")
	}
	return value, nil
}
