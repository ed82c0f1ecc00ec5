package spec

import (
	"strconv"
	"strings"
)

// The modes of --userns, as Userns.Mode has them.
const (
	UsernsHost      = "host"      // "" too: the default map alone
	UsernsKeepID    = "keep-id"   // the caller has its own number inside
	UsernsNoMap     = "nomap"     // the caller has none
	UsernsAuto      = "auto"      // ids that no other such container has
	UsernsPrivate   = "private"   // as --uidmap and the like say
	UsernsContainer = "container" // another container's
)

// Userns says which user namespace a container has.
type Userns struct {
	Mode string `json:"mode,omitempty"`
	// Container is the one that is joined: its name or id, as given, and its id on record.
	Container string `json:"container,omitempty"`
	// UID and GID are what keep-id makes of the caller's; nil is the same.
	UID *uint32 `json:"uid,omitempty"`
	GID *uint32 `json:"gid,omitempty"`
	// Size is how many ids there are: 0 is all of them, for auto as many as the image needs.
	Size uint32 `json:"size,omitempty"`
	// UIDMaps and GIDMaps are what auto maps besides.
	UIDMaps []IDMapping `json:"uidMaps,omitempty"`
	GIDMaps []IDMapping `json:"gidMaps,omitempty"`
}

// UsernsModes are the words of --userns, for completion.
func UsernsModes() []string {
	return []string{UsernsHost, UsernsKeepID, UsernsKeepID + ":uid=", UsernsNoMap, UsernsAuto, UsernsAuto + ":size=", UsernsContainer + ":"}
}

// ParseUserns reads --userns MODE[:OPTIONS].
func ParseUserns(value string) (Userns, error) {
	mode, rest, found := strings.Cut(value, ":")
	u := Userns{Mode: mode}
	switch mode {
	case "", UsernsHost, UsernsNoMap, UsernsPrivate:
		if found {
			return Userns{}, invalid(value, "%s takes no options", mode)
		}
		return u, nil
	case UsernsKeepID, UsernsAuto:
		for _, option := range splitOptions(rest, found) {
			if err := setUserns(&u, option); err != nil {
				return Userns{}, err
			}
		}
		return u, nil
	case UsernsContainer:
		if rest == "" {
			return Userns{}, invalid(value, "want container:NAME or container:ID")
		}
		u.Container = rest
		return u, noNUL(rest)
	case "ns":
		return Userns{}, unsupported(value, "a namespace that was made elsewhere need not have the ids that images' files have on disk, "+
			"and an ordinary user may not map more into it: join another container's by container:NAME, or give --uidmap and --gidmap")
	}
	return Userns{}, invalid(value, "want host, keep-id, nomap, auto, private or container:NAME%s", Meant(mode, UsernsModes()))
}

func splitOptions(text string, found bool) []string {
	if !found {
		return nil
	}
	return strings.Split(text, ",")
}

// setUserns takes one option of keep-id or auto.
func setUserns(u *Userns, option string) error {
	key, value, _ := strings.Cut(option, "=")
	switch {
	case key == "size":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 0 || n > 1<<32-2 {
			return invalid(option, "want size=N, the number of ids")
		}
		u.Size = uint32(n)
		return nil
	case u.Mode == UsernsKeepID && (key == "uid" || key == "gid"):
		if !isID(value) {
			return invalid(option, "want %s=N", key)
		}
		n, _ := strconv.ParseUint(value, 10, 32)
		id := uint32(n)
		if key == "uid" {
			u.UID = &id
		} else {
			u.GID = &id
		}
		return nil
	case u.Mode == UsernsAuto && (key == "uidmapping" || key == "gidmapping"):
		m, err := ParseIDMapping(value)
		if err != nil {
			return err
		}
		if m.Extend || m.UIDs || m.GIDs {
			return invalid(option, "want %s=CONTAINER:FROM:COUNT without flags", key)
		}
		if key == "uidmapping" {
			u.UIDMaps = append(u.UIDMaps, m)
		} else {
			u.GIDMaps = append(u.GIDMaps, m)
		}
		return nil
	}
	if u.Mode == UsernsKeepID {
		return invalid(option, "keep-id takes uid=, gid= and size=")
	}
	return invalid(option, "auto takes size=, uidmapping= and gidmapping=")
}

// IDMapping is one range of --uidmap or --gidmap.
type IDMapping struct {
	Container uint32 `json:"container"`
	// From is an id of the default map, where 0 is the caller, or, with Host, one of the host.
	From uint32 `json:"from"`
	Host bool   `json:"host,omitempty"`
	Size uint32 `json:"size"`
	// Extend lays it over all other ids, which are mapped as themselves, in place of mapping nothing else.
	Extend bool `json:"-"`
	// UIDs and GIDs say that it is for these only; neither is as the flag has it.
	UIDs bool `json:"-"`
	GIDs bool `json:"-"`
}

// ParseIDMapping reads [FLAGS]CONTAINER:FROM[:COUNT] of --uidmap and --gidmap, where FLAGS are of
// "+", "u" and "g", and FROM may be @HOST-ID.
func ParseIDMapping(value string) (IDMapping, error) {
	const want = "want [+ug]CONTAINER:FROM[:COUNT], where FROM may be @HOST-ID"
	var m IDMapping
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
		return IDMapping{}, invalid(value, want)
	}
	parts[1], m.Host = strings.TrimPrefix(parts[1], "@"), strings.HasPrefix(parts[1], "@")
	numbers := []*uint32{&m.Container, &m.From, &m.Size}
	m.Size = 1
	for i, part := range parts {
		if !isID(part) {
			return IDMapping{}, invalid(value, want)
		}
		n, _ := strconv.ParseUint(part, 10, 32)
		*numbers[i] = uint32(n)
	}
	if m.Size == 0 {
		return IDMapping{}, invalid(value, "a count of 0 maps nothing")
	}
	if end := uint64(max(m.Container, m.From)) + uint64(m.Size); end > 1<<32-1 {
		return IDMapping{}, invalid(value, "ids end at %d", uint32(1<<32-2))
	}
	return m, nil
}

// ParseAccountLine checks --passwd-entry and --group-entry.
func ParseAccountLine(value string) (string, error) {
	if value == "" || strings.ContainsAny(strings.TrimSuffix(value, "\n"), "\n\x00") {
		return "", invalid(value, "want one line of /etc/passwd or /etc/group")
	}
	return value, nil
}
