package parse

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// DNS reads --dns: an address, or none.
func DNS(value string) (string, error) {
	if value == "none" {
		return value, nil
	}
	addr, err := netip.ParseAddr(value)
	if err != nil || addr.IsUnspecified() {
		return "", Invalid(value, "want the address of a name server, or none")
	}
	return addr.String(), nil
}

// DNSSearch reads --dns-search: a domain, or "." for none.
func DNSSearch(value string) (string, error) {
	if value == "." {
		return value, nil
	}
	if _, err := HostAlias(value); err != nil {
		return "", Invalid(value, `want a domain, or "." for none`)
	}
	return value, nil
}

// DNSOption reads --dns-option: a word of resolv.conf(5)'s options.
func DNSOption(value string) (string, error) {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || r == ';' }) {
		return "", Invalid(value, "want an option of resolv.conf(5) such as ndots:2")
	}
	return value, nil
}

// AddHost reads --add-host NAME[;NAME…]:IP, or docker's NAME=IP. IP may be host-gateway.
// It returns NAME:IP for each name.
func AddHost(value string) ([]string, error) {
	names, ip, found := strings.Cut(value, ":")
	if before, after, ok := strings.Cut(value, "="); ok && len(before) < len(names) {
		names, ip, found = before, after, true
	}
	if !found {
		return nil, Invalid(value, "want NAME:IP or NAME:%s", spec.HostGateway)
	}
	if inner, ok := strings.CutPrefix(ip, "["); ok {
		ip = strings.TrimSuffix(inner, "]")
	}
	if ip != spec.HostGateway {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			return nil, Invalid(value, "%q is no address: want NAME:IP or NAME:%s", ip, spec.HostGateway)
		}
		ip = addr.String()
	}
	var list []string
	for name := range strings.SplitSeq(names, ";") {
		if _, err := HostAlias(name); err != nil {
			return nil, Invalid(value, "%q is no host name", name)
		}
		list = append(list, name+":"+ip)
	}
	return list, nil
}

// Bounds of a rate in bits per second. Below a packet a second nothing would come through;
// above the upper one tbf counts in less than a byte a nanosecond.
const (
	minRate = 8_000
	maxRate = 1_000_000_000_000
)

// Rate reads --network-rate in=RATE,out=RATE[,burst=SIZE]. A rate is in bits per second,
// with tc(8)'s units: 10mbit is 10,000,000.
func Rate(value string) (*spec.Rate, error) {
	var r spec.Rate
	for field := range strings.SplitSeq(value, ",") {
		key, text, _ := strings.Cut(field, "=")
		var to *uint64
		switch key {
		case "in":
			to = &r.In
		case "out":
			to = &r.Out
		case "burst":
			to = &r.Burst
		default:
			return nil, Invalid(value, "%q: want in=RATE, out=RATE or burst=SIZE, such as in=10mbit,out=5mbit", field)
		}
		if *to != 0 {
			return nil, Invalid(value, "%s= is there twice", key)
		}
		if key == "burst" {
			size, err := Size(text)
			if err != nil || size < 64<<10 || size > 1<<30 {
				return nil, Invalid(value, "%q: want a size from 64k, the largest packet, to 1g", field)
			}
			*to = uint64(size)
			continue
		}
		rate, ok := parseBits(text)
		if !ok {
			return nil, Invalid(value, "%q: want a rate in bits per second from 8kbit to 1tbit, such as 10mbit", field)
		}
		*to = rate
	}
	if r.In == 0 && r.Out == 0 {
		return nil, Invalid(value, "want in=RATE, out=RATE or both")
	}
	return &r, nil
}

// parseBits reads a rate as tc(8) does, without its bps units, which are bytes to tc and bits
// to most readers.
func parseBits(text string) (uint64, bool) {
	text = strings.ToLower(text)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	var unit float64
	switch text[len(digits):] {
	case "", "bit":
		unit = 1
	case "k", "kbit":
		unit = 1e3
	case "m", "mbit":
		unit = 1e6
	case "g", "gbit":
		unit = 1e9
	case "t", "tbit":
		unit = 1e12
	case "kibit":
		unit = 1 << 10
	case "mibit":
		unit = 1 << 20
	case "gibit":
		unit = 1 << 30
	default:
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.ContainsAny(digits, "_+-xp") || n*unit < minRate || n*unit > maxRate {
		return 0, false
	}
	return uint64(n * unit), true
}
