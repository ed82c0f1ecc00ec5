package network

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Where resolver settings live. systemd-resolved's stub file names 127.0.0.53, which a
// container cannot reach; the second file has the servers behind it.
const (
	resolvPath       = "/etc/resolv.conf"
	resolvBehindStub = "/run/systemd/resolve/resolv.conf"
	maxNameservers   = 3 // MAXNS of resolv.conf(5)
)

// HostResolvConf reads the host's resolv.conf; where all its name servers are on the
// loopback interface, systemd-resolved's list of real ones if there is one. A host without
// the file gives none.
func HostResolvConf() []byte {
	return hostResolvConf(resolvPath, resolvBehindStub)
}

func hostResolvConf(path, behindStub string) []byte {
	host, err := os.ReadFile(path)
	if err != nil {
		return nil // a host without a resolver is no reason not to start a container
	}
	servers := nameservers(host)
	if len(servers) > 0 && !slices.ContainsFunc(servers, reachable) {
		if real, err := os.ReadFile(behindStub); err == nil {
			return real
		}
	}
	return host
}

// Resolver says how a container's resolv.conf is made of the host's.
type Resolver struct {
	// AsHost is for a container in the host's own network namespace: the servers are those of
	// the host's file, whatever they are.
	AsHost bool `json:"asHost,omitempty"`
	// Servers come before the host's: the network helper's forwarder.
	Servers []string `json:"servers,omitempty"`
	// OldForwarder says that the helper forwards to the server that the host had at the start: after a
	// change its address is left out, where the host has a server that can be reached itself.
	OldForwarder bool `json:"oldForwarder,omitempty"`
	// DNS, Search and Options, where they are given, are instead of what the host's file has;
	// Search may be "." for none.
	DNS     []string `json:"dns,omitempty"`
	Search  []string `json:"search,omitempty"`
	Options []string `json:"options,omitempty"`
}

// Conf makes the file of the host's: the helper's servers first, then those of the host that
// are reachable from another network namespace; three at most. Search domains and options
// are kept.
func (r *Resolver) Conf(host []byte) []byte {
	if r.AsHost && len(r.DNS)+len(r.Search)+len(r.Options) == 0 {
		return host
	}
	var out bytes.Buffer
	for line := range bytes.Lines(host) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 {
			continue
		}
		switch fields[0] {
		case "search", "domain":
			if len(r.Search) == 0 {
				out.WriteString(strings.Join(fields, " ") + "\n")
			}
		case "options":
			if len(r.Options) == 0 {
				out.WriteString(strings.Join(fields, " ") + "\n")
			}
		case "sortlist":
			out.WriteString(strings.Join(fields, " ") + "\n")
		}
	}
	if len(r.Search) > 0 && !slices.Contains(r.Search, ".") {
		out.WriteString("search " + strings.Join(r.Search, " ") + "\n")
	}
	if len(r.Options) > 0 {
		out.WriteString("options " + strings.Join(r.Options, " ") + "\n")
	}
	for _, s := range r.servers(host) {
		out.WriteString("nameserver " + s + "\n")
	}
	return out.Bytes()
}

func (r *Resolver) servers(host []byte) []string {
	if len(r.DNS) > 0 {
		return r.DNS[:min(len(r.DNS), maxNameservers)]
	}
	list := slices.Clone(r.Servers)
	for _, s := range nameservers(host) {
		if (r.AsHost || reachable(s)) && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list[:min(len(list), maxNameservers)]
}

// nameservers lists the servers of a resolv.conf.
func nameservers(conf []byte) []string {
	var list []string
	for line := range bytes.Lines(conf) {
		fields := strings.Fields(string(line))
		if len(fields) >= 2 && fields[0] == "nameserver" {
			list = append(list, fields[1])
		}
	}
	return list
}

// reachable reports whether a server can be reached from another network namespace: it
// is an address, and neither on the loopback interface nor bound to a link of the host's.
func reachable(server string) bool {
	a, err := netip.ParseAddr(server)
	return err == nil && !a.IsLoopback() && !a.IsUnspecified() && a.Zone() == ""
}

// Host is a line of a hosts file.
type Host struct {
	IP    string
	Names []string
}

// Hosts makes a container's /etc/hosts: localhost, the given lines, and, of another hosts
// file (nil for none), the lines that do not speak of names already there.
func Hosts(base []byte, lines []Host) []byte {
	var out bytes.Buffer
	taken := map[string]bool{}
	put := func(h Host) {
		var names []string
		for _, n := range h.Names {
			if key := h.IP + " " + n; n != "" && !taken[key] {
				taken[key] = true
				names = append(names, n)
			}
		}
		if h.IP != "" && len(names) > 0 {
			out.WriteString(h.IP + "\t" + strings.Join(names, " ") + "\n")
		}
	}
	put(Host{"127.0.0.1", []string{"localhost", "localhost.localdomain"}})
	put(Host{"::1", []string{"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"}})
	known := map[string]bool{"localhost": true}
	for _, h := range lines {
		put(h)
		for _, n := range h.Names {
			known[n] = true
		}
	}
	for line := range bytes.Lines(base) {
		text, _, _ := strings.Cut(string(line), "#")
		fields := strings.Fields(text)
		if len(fields) < 2 {
			continue
		}
		if a, err := netip.ParseAddr(fields[0]); err != nil || a.IsLoopback() {
			continue
		}
		if !slices.ContainsFunc(fields[1:], func(n string) bool { return known[n] }) {
			put(Host{fields[0], fields[1:]})
		}
	}
	return out.Bytes()
}
