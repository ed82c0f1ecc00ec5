package container

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// Names is what a container's files say about names and addresses; a zero value leaves
// the container with itself and the host's name servers.
type Names struct {
	// HostHosts and HostResolvConf are the host's files, see HostNames.
	HostHosts, HostResolvConf string
	// Address is the container's own; "" is the loopback's.
	Address string
	// NameServers come before the host's: the network helper's forwarder.
	NameServers []string
	// Hosts are further lines of /etc/hosts: "ADDRESS NAME…".
	Hosts []string
}

// The host's files about names. systemd-resolved puts a stub on the loopback into the
// first, and the real servers into the second (systemd-resolved.service(8)).
const (
	hostHostsFile      = "/etc/hosts"
	hostResolvFile     = "/etc/resolv.conf"
	hostRealResolvFile = "/run/systemd/resolve/resolv.conf"
)

// HostNames reads the host's files. A file that is not there is empty.
func HostNames() Names {
	read := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			return ""
		}
		return string(data)
	}
	names := Names{HostHosts: read(hostHostsFile), HostResolvConf: read(hostResolvFile)}
	if len(nameServers(names.HostResolvConf)) == 0 {
		if actual := read(hostRealResolvFile); actual != "" {
			names.HostResolvConf = actual
		}
	}
	return names
}

// Files are the contents of the files of the runtime directory that Create mounts, by
// their names there.
func Files(c *spec.Container, names Names) map[string]string {
	hostname := c.OCI.Hostname
	if hostname == "" {
		hostname, _ = spec.EnvValue(c.OCI.Process.Env, "HOSTNAME")
	}
	return map[string]string{
		fileHosts:        hostsFile(c, hostname, names),
		fileResolvConf:   resolvConf(c, names),
		fileHostname:     hostname + "\n",
		fileContainerEnv: containerEnv(c),
	}
}

// hostsFile is the host's own with --network host, where all its names hold.
func hostsFile(c *spec.Container, hostname string, names Names) string {
	var b strings.Builder
	if c.Network.Mode == "host" && names.HostHosts != "" {
		b.WriteString(strings.TrimRight(names.HostHosts, "\n") + "\n")
	} else {
		b.WriteString("127.0.0.1\tlocalhost localhost.localdomain\n" +
			"::1\tlocalhost localhost.localdomain ip6-localhost ip6-loopback\n")
	}
	for _, line := range names.Hosts {
		b.WriteString(line + "\n")
	}
	address := names.Address
	if address == "" {
		address = "127.0.0.1"
	}
	own := hostname
	if c.OCI.Domainname != "" {
		own = hostname + "." + c.OCI.Domainname + " " + hostname
	}
	if c.Network.Mode != "host" || c.OCI.Hostname != "" {
		fmt.Fprintf(&b, "%s\t%s", address, own)
		if c.Name != "" && c.Name != hostname {
			b.WriteString(" " + c.Name)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// resolvConf is the host's own with --network host. Elsewhere a server on the loopback
// would be the container's own loopback, so it is left out.
func resolvConf(c *spec.Container, names Names) string {
	if c.Network.Mode == "host" {
		return names.HostResolvConf
	}
	var b strings.Builder
	for _, line := range resolvLines(names.HostResolvConf) {
		if keyword := strings.Fields(line)[0]; keyword != "nameserver" {
			b.WriteString(line + "\n")
		}
	}
	for _, server := range slices.Concat(names.NameServers, nameServers(names.HostResolvConf)) {
		b.WriteString("nameserver " + server + "\n")
	}
	return b.String()
}

// nameServers are those of a resolv.conf(5), without those on the loopback.
func nameServers(text string) []string {
	var servers []string
	for _, line := range resolvLines(text) {
		fields := strings.Fields(line)
		if fields[0] != "nameserver" || len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[1])
		if err != nil || address.IsLoopback() {
			continue
		}
		servers = append(servers, fields[1])
	}
	return servers
}

// resolvLines are the lines of a resolv.conf(5) without comments.
func resolvLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line[0] != ';' {
			lines = append(lines, line)
		}
	}
	return lines
}

// containerEnv is what programs look at to learn that they are in a container: podman's
// file, in its form.
func containerEnv(c *spec.Container) string {
	return fmt.Sprintf("engine=\"rc\"\nname=%q\nid=%q\nimage=%q\nimageid=%q\nrootless=1\n",
		c.Name, c.ID, c.Image.Name, c.Image.ID)
}
