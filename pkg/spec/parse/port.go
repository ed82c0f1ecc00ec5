package parse

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

const wantPort = "want [[IP:][HOSTPORT[-LAST]]:]PORT[-LAST][/tcp|udp], such as 8080:80"

// Port reads -p. It is several ports where both protocols are meant: 53:53/tcp,udp.
func Port(value string) ([]spec.Port, error) {
	rest, protocols, err := cutProtocol(value)
	if err != nil {
		return nil, err
	}
	var p spec.Port
	host, inside := "", rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		host, inside = rest[:i], rest[i+1:]
	}
	first, last, err := parseRange(value, inside)
	if err != nil {
		return nil, err
	}
	if first == 0 {
		return nil, Invalid(value, "the container's port cannot be 0: %s", wantPort)
	}
	p.ContainerPort, p.Range = first, last-first+1
	if p.HostIP, host, err = cutHostIP(value, host); err != nil {
		return nil, err
	}
	if host != "" {
		hostFirst, hostLast, err := parseRange(value, host)
		if err != nil {
			return nil, err
		}
		p.HostPort = hostFirst
		switch count := hostLast - hostFirst + 1; {
		case hostFirst == 0 && hostLast != 0:
			return nil, Invalid(value, "a range of host ports begins at 1: %s", wantPort)
		case hostFirst == 0, count == p.Range:
		case p.Range == 1:
			p.HostLast = hostLast // docker's: any free one of them
		default:
			return nil, Invalid(value, "%d host ports and %d container ports: want as many, or one container port", count, p.Range)
		}
	}
	list := make([]spec.Port, 0, len(protocols))
	for _, protocol := range protocols {
		p.Protocol = protocol
		list = append(list, p)
	}
	return list, nil
}

// cutProtocol takes /tcp or /udp off.
func cutProtocol(value string) (rest string, protocols []string, err error) {
	rest, protocol, found := strings.Cut(value, "/")
	if !found {
		return rest, []string{spec.TCP}, nil
	}
	for word := range strings.SplitSeq(strings.ToLower(protocol), ",") {
		switch {
		case word == "sctp":
			return "", nil, Unsupported(value, "user-mode networks do not forward sctp: want tcp or udp")
		case word != spec.TCP && word != spec.UDP || slices.Contains(protocols, word):
			return "", nil, Invalid(value, "protocol %q: want tcp or udp", protocol)
		}
		protocols = append(protocols, word)
	}
	return rest, protocols, nil
}

// cutHostIP takes "IP:" off what is before the container's port.
func cutHostIP(value, host string) (ip, port string, err error) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		if strings.ContainsAny(host, "[].") { // IP:PORT
			return "", "", errs.WithHint(Invalid(value, "after the address a host port must come, or none: %s", wantPort), "-p IP::PORT")
		}
		return "", host, nil
	}
	ip, port = host[:i], host[i+1:]
	bare, found := strings.CutPrefix(ip, "[")
	if found {
		bare, found = strings.CutSuffix(bare, "]")
	}
	addr, err := netip.ParseAddr(bare)
	if err != nil || addr.Is6() != found || addr.Zone() != "" {
		return "", "", Invalid(value, "%q is no address of a host: want 127.0.0.1 or [::1]: %s", ip, wantPort)
	}
	return addr.Unmap().String(), port, nil
}

// parseRange reads PORT or PORT-LAST, a part of value.
func parseRange(value, text string) (first, last uint16, err error) {
	from, to, found := strings.Cut(text, "-")
	a, ok := parsePortNumber(from)
	b := a
	if found && ok {
		b, ok = parsePortNumber(to)
	}
	switch {
	case !ok:
		return 0, 0, Invalid(value, "%q is no port from 1 to 65535: %s", text, wantPort)
	case b < a:
		return 0, 0, Invalid(value, "the range %s goes backwards", text)
	case a == 0 && b == 65535:
		return 0, 0, Invalid(value, "a range begins at 1")
	}
	return a, b, nil
}

func parsePortNumber(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && text[0] != '+'
}

// Expose reads --expose and the keys of an image's ExposedPorts: PORT[-LAST][/PROTOCOL].
// It returns "80/tcp", one for each port.
func Expose(value string) ([]string, error) {
	rest, protocols, err := cutProtocol(value)
	if err != nil {
		return nil, err
	}
	first, last, err := parseRange(value, rest)
	if err != nil {
		return nil, err
	}
	if first == 0 {
		return nil, Invalid(value, "port 0 cannot be exposed")
	}
	var list []string
	for port := int(first); port <= int(last); port++ {
		for _, protocol := range protocols {
			list = append(list, strconv.Itoa(port)+"/"+protocol)
		}
	}
	return list, nil
}

// CheckPorts refuses ports of the host that are to be published twice, and drops those
// that say the same.
func CheckPorts(ports []spec.Port) ([]spec.Port, error) {
	var list []spec.Port
	for _, p := range ports {
		if slices.Contains(list, p) {
			continue
		}
		for _, other := range list {
			if p.Meets(other) {
				return nil, errs.Invalidf("-p %s:%s: host port %s/%s is published to %s already",
					p.Host(), p.Container(), other.Host(), other.Protocol, other.Container())
			}
		}
		list = append(list, p)
	}
	return list, nil
}
