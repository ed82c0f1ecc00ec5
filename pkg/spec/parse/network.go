package parse

import (
	"encoding/hex"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Networks reads all --network. Several can only be bridge networks; none at all is the
// default mode, "".
func Networks(values []string) (spec.Network, error) {
	var all spec.Network
	for i, value := range values {
		n, err := Network(value)
		if err != nil {
			return spec.Network{}, err
		}
		if i > 0 && (n.Mode != spec.NetworkBridge || all.Mode != spec.NetworkBridge) {
			return spec.Network{}, Invalid(strings.Join(values, " "), "several networks must be bridge networks, each with its name")
		}
		n.Attachments = append(all.Attachments, n.Attachments...)
		all = n
	}
	seen := map[string]bool{}
	for _, a := range all.Attachments {
		if seen[a.Network] {
			return spec.Network{}, Invalid(strings.Join(values, " "), "network %q twice", a.Network)
		}
		seen[a.Network] = true
	}
	return all, nil
}

// Network reads --network MODE[:OPTION,…] or NAME[:OPTION=VALUE,…]. Mode "" is the
// default mode, private. Of container:NAME the target is as typed.
func Network(value string) (spec.Network, error) {
	if err := NoNUL(value); err != nil {
		return spec.Network{}, err
	}
	mode, options, found := strings.Cut(value, ":")
	switch mode {
	case spec.NetworkNone, spec.NetworkHost, "private", "default":
		if found {
			return spec.Network{}, Invalid(value, "network %s takes no options", mode)
		}
		if mode == "private" || mode == "default" {
			mode = ""
		}
		return spec.Network{Mode: mode}, nil
	case spec.NetworkPasta, spec.NetworkSlirp4netns:
		network := spec.Network{Mode: mode}
		if options != "" {
			network.Options = strings.Split(options, ",")
		}
		return network, nil
	case spec.NetworkContainer:
		if options == "" {
			return spec.Network{}, Invalid(value, "want container:NAME or container:ID")
		}
		return spec.Network{Mode: mode, Target: options}, nil
	case spec.NetworkPath:
		if !filepath.IsAbs(options) {
			return spec.Network{}, Invalid(value, "want ns:PATH, the absolute path of a network namespace")
		}
		return spec.Network{Mode: mode, Target: filepath.Clean(options)}, nil
	case "pod":
		return spec.Network{}, Unsupported(value, "pods are not supported yet")
	}
	return parseAttachments(value, mode, options, found)
}

// parseAttachments reads NAME:OPTIONS or, as older versions of podman, NAME,NAME.
func parseAttachments(value, name, options string, found bool) (spec.Network, error) {
	network := spec.Network{Mode: spec.NetworkBridge}
	names := []string{name}
	if !found {
		names = strings.Split(name, ",")
	}
	for _, name := range names {
		if _, err := Name(name); err != nil {
			return spec.Network{}, Invalid(value, "want %s, or the name of a network", strings.Join(spec.NetworkModes(), ", "))
		}
		a := spec.Attachment{Network: name}
		if name == spec.NetworkBridge {
			a.Network = "" // the default network, whatever its name
		}
		if options != "" {
			for option := range strings.SplitSeq(options, ",") {
				if err := setAttachment(&a, option); err != nil {
					return spec.Network{}, err
				}
			}
		}
		network.Attachments = append(network.Attachments, a)
	}
	return network, nil
}

// setAttachment takes one option of a bridge network.
func setAttachment(a *spec.Attachment, option string) (err error) {
	key, value, found := strings.Cut(option, "=")
	if !found {
		return Invalid(option, "want ip=, ip6=, mac=, alias= or interface_name=, each with a value")
	}
	switch key {
	case "ip", "ip6":
		addr, err := netip.ParseAddr(value)
		switch {
		case err != nil || addr.Zone() != "" || key == "ip6" && !addr.Is6() || !addr.IsValid():
			return Invalid(option, "want an address such as ip=10.89.0.5 or ip6=fd00::5")
		case addr.Is4():
			a.IP = addr.String()
		default:
			a.IP6 = addr.String()
		}
	case "mac":
		a.MAC, err = MAC(value)
	case "alias":
		var alias string
		alias, err = HostAlias(value)
		a.Aliases = append(a.Aliases, alias)
	case "interface_name":
		a.Interface = value
		if !spec.IsInterface(value) {
			err = Invalid(option, "want the name of an interface: up to 15 characters without space, / and :")
		}
	default:
		err = Invalid(option, "want ip=, ip6=, mac=, alias= or interface_name=")
	}
	return err
}

// IP reads an address of version 4 or 6.
func IP(value string, six bool) (string, error) {
	addr, err := netip.ParseAddr(value)
	if err != nil || addr.Zone() != "" || addr.Is4() == six {
		if six {
			return "", Invalid(value, "want an IPv6 address")
		}
		return "", Invalid(value, "want an IPv4 address")
	}
	return addr.String(), nil
}

// MAC reads the hardware address of one interface (no group's).
func MAC(value string) (string, error) {
	const length = len("xx:xx:xx:xx:xx:xx")
	plain := strings.ReplaceAll(value, "-", ":")
	raw, err := hex.DecodeString(strings.ReplaceAll(plain, ":", ""))
	if err != nil || len(raw) != 6 || len(plain) != length {
		return "", Invalid(value, "want a MAC address such as 92:d0:c6:0a:29:33")
	}
	for i := 2; i < length; i += 3 {
		if plain[i] != ':' {
			return "", Invalid(value, "want a MAC address such as 92:d0:c6:0a:29:33")
		}
	}
	if raw[0]&1 != 0 {
		return "", Invalid(value, "the address of a group is no interface's: the first byte must be even")
	}
	return strings.ToLower(plain), nil
}

// HostAlias reads a name by which others find a host.
func HostAlias(value string) (string, error) {
	const longest = 253 // RFC 1035, less the root
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}
	if value == "" || len(value) > longest || strings.ContainsFunc(value, bad) || strings.HasPrefix(value, "-") ||
		strings.HasPrefix(value, ".") || strings.Contains(value, "..") {
		return "", Invalid(value, "want a host name: letters, digits, - _ and .")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(value, "."), ".") {
		if len(label) > 63 {
			return "", Invalid(value, "%q has more than 63 characters", label)
		}
	}
	return value, nil
}
