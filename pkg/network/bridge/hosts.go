package bridge

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// AddHosts adds to a hosts file the lines of leases that it does not have; names are the container's.
func AddHosts(hosts []byte, names []string, leases ...Lease) []byte {
	for _, l := range leases {
		for _, a := range l.Addresses() {
			if !hasLine(hosts, a) {
				hosts = fmt.Appendf(hosts, "%s\t%s\n", a, strings.Join(names, " "))
			}
		}
	}
	return hosts
}

func hasLine(hosts []byte, a netip.Addr) bool {
	return bytes.HasPrefix(hosts, []byte(a.String()+"\t")) || bytes.Contains(hosts, []byte("\n"+a.String()+"\t"))
}

// DropHosts takes the lines of a lease out of a hosts file.
func DropHosts(hosts []byte, l *Lease) []byte {
	var out []byte
	for line := range bytes.Lines(hosts) {
		drop := false
		for _, a := range l.Addresses() {
			drop = drop || bytes.HasPrefix(line, []byte(a.String()+"\t"))
		}
		if !drop {
			out = append(out, line...)
		}
	}
	return out
}
