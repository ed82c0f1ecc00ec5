package spec

import (
	"encoding/hex"
	"net/netip"
	"path/filepath"
	"strings"
)

// NetworkModes are the words of --network that are not the name of a network.
func NetworkModes() []string {
	return []string{
		NetworkNone, NetworkHost, "private", "default", NetworkPasta, NetworkSlirp4netns, NetworkBridge,
		NetworkContainer + ":", NetworkPath + ":",
	}
}

// ParseNetworks reads all --network. Several can only be bridge networks; none at all is the
// default mode, "".
func ParseNetworks(values []string) (Network, error) {
	var all Network
	for i, value := range values {
		n, err := ParseNetwork(value)
		if err != nil {
			return Network{}, err
		}
		if i > 0 && (n.Mode != NetworkBridge || all.Mode != NetworkBridge) {
			return Network{}, invalid(strings.Join(values, " "), "several networks must be bridge networks, each with its name")
		}
		n.Attachments = append(all.Attachments, n.Attachments...)
		all = n
	}
	seen := map[string]bool{}
	for _, a := range all.Attachments {
		if seen[a.Network] {
			return Network{}, invalid(strings.Join(values, " "), "network %q twice", a.Network)
		}
		seen[a.Network] = true
	}
	return all, nil
}

// ParseNetwork reads --network MODE[:OPTION,…] or NAME[:OPTION=VALUE,…]. Mode "" is the
// default mode, private. Of container:NAME the target is as typed.
func ParseNetwork(value string) (Network, error) {
	if err := noNUL(value); err != nil {
		return Network{}, err
	}
	mode, options, found := strings.Cut(value, ":")
	switch mode {
	case NetworkNone, NetworkHost, "private", "default":
		if found {
			return Network{}, invalid(value, "network %s takes no options", mode)
		}
		if mode == "private" || mode == "default" {
			mode = ""
		}
		return Network{Mode: mode}, nil
	case NetworkPasta, NetworkSlirp4netns:
		network := Network{Mode: mode}
		if options != "" {
			network.Options = strings.Split(options, ",")
		}
		return network, nil
	case NetworkContainer:
		if options == "" {
			return Network{}, invalid(value, "want container:NAME or container:ID")
		}
		return Network{Mode: mode, Target: options}, nil
	case NetworkPath:
		if !filepath.IsAbs(options) {
			return Network{}, invalid(value, "want ns:PATH, the absolute path of a network namespace")
		}
		return Network{Mode: mode, Target: filepath.Clean(options)}, nil
	case "pod":
		return Network{}, unsupported(value, "pods are not supported yet")
	}
	return parseAttachments(value, mode, options, found)
}

// parseAttachments reads NAME:OPTIONS or, as older versions of podman, NAME,NAME.
func parseAttachments(value, name, options string, found bool) (Network, error) {
	network := Network{Mode: NetworkBridge}
	names := []string{name}
	if !found {
		names = strings.Split(name, ",")
	}
	for _, name := range names {
		if _, err := ParseName(name); err != nil {
			return Network{}, invalid(value, "want %s, or the name of a network", strings.Join(NetworkModes(), ", "))
		}
		a := Attachment{Network: name}
		if name == NetworkBridge {
			a.Network = "" // the default network, whatever its name
		}
		if options != "" {
			for option := range strings.SplitSeq(options, ",") {
				if err := setAttachment(&a, option); err != nil {
					return Network{}, err
				}
			}
		}
		network.Attachments = append(network.Attachments, a)
	}
	return network, nil
}

// setAttachment takes one option of a bridge network.
func setAttachment(a *Attachment, option string) (err error) {
	key, value, found := strings.Cut(option, "=")
	if !found {
		return invalid(option, "want ip=, ip6=, mac=, alias= or interface_name=, each with a value")
	}
	switch key {
	case "ip", "ip6":
		addr, err := netip.ParseAddr(value)
		switch {
		case err != nil || addr.Zone() != "" || key == "ip6" && !addr.Is6() || !addr.IsValid():
			return invalid(option, "want an address such as ip=10.89.0.5 or ip6=fd00::5")
		case addr.Is4():
			a.IP = addr.String()
		default:
			a.IP6 = addr.String()
		}
	case "mac":
		a.MAC, err = ParseMAC(value)
	case "alias":
		var alias string
		alias, err = ParseHostAlias(value)
		a.Aliases = append(a.Aliases, alias)
	case "interface_name":
		a.Interface = value
		if !IsInterface(value) {
			err = invalid(option, "want the name of an interface: up to 15 characters without space, / and :")
		}
	default:
		err = invalid(option, "want ip=, ip6=, mac=, alias= or interface_name=")
	}
	return err
}

// ParseIP reads an address of version 4 or 6.
func ParseIP(value string, six bool) (string, error) {
	addr, err := netip.ParseAddr(value)
	if err != nil || addr.Zone() != "" || addr.Is4() == six {
		if six {
			return "", invalid(value, "want an IPv6 address")
		}
		return "", invalid(value, "want an IPv4 address")
	}
	return addr.String(), nil
}

// ParseMAC reads the hardware address of one interface (no group's).
func ParseMAC(value string) (string, error) {
	const length = len("xx:xx:xx:xx:xx:xx")
	plain := strings.ReplaceAll(value, "-", ":")
	raw, err := hex.DecodeString(strings.ReplaceAll(plain, ":", ""))
	if err != nil || len(raw) != 6 || len(plain) != length {
		return "", invalid(value, "want a MAC address such as 92:d0:c6:0a:29:33")
	}
	for i := 2; i < length; i += 3 {
		if plain[i] != ':' {
			return "", invalid(value, "want a MAC address such as 92:d0:c6:0a:29:33")
		}
	}
	if raw[0]&1 != 0 {
		return "", invalid(value, "the address of a group is no interface's: the first byte must be even")
	}
	return strings.ToLower(plain), nil
}

// ParseHostAlias reads a name by which others find a host.
func ParseHostAlias(value string) (string, error) {
	const longest = 253 // RFC 1035, less the root
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}
	if value == "" || len(value) > longest || strings.ContainsFunc(value, bad) || strings.HasPrefix(value, "-") ||
		strings.HasPrefix(value, ".") || strings.Contains(value, "..") {
		return "", invalid(value, "want a host name: letters, digits, - _ and .")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(value, "."), ".") {
		if len(label) > 63 {
			return "", invalid(value, "%q has more than 63 characters", label)
		}
	}
	return value, nil
}

// IsInterface reports whether the kernel would take the name for an interface
// (dev_valid_name of net/core/dev.c); what looks like an address or option is none.
func IsInterface(s string) bool {
	const longest = 15 // IFNAMSIZ less the zero
	if s == "" || len(s) > longest || s == "." || s == ".." || s[0] == '-' {
		return false
	}
	if strings.Count(s, ".") == 3 && strings.Trim(s, ".0123456789") == "" {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '/' || r == ':' || r > '~' })
}
