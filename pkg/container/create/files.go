package create

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/spec"
)

// Names is what a container's files say about names and addresses. The zero value leaves
// the container with its own name alone.
type Names struct {
	// HostHosts and HostResolvConf are the host's files, see HostNames; BaseHosts is the file
	// that --hosts-file names.
	HostHosts, HostResolvConf, BaseHosts []byte
	// Address is the container's own; "" is the loopback's.
	Address string
	// NameServers come before the host's: the network helper's forwarder.
	NameServers []string
	// HostAddress is where the container reaches the host; "" where it does not.
	HostAddress string
}

// HostNames reads the host's files. A file that is not there is empty.
func HostNames() Names {
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		hosts = nil // a host without names is no reason not to start a container
	}
	return Names{HostHosts: hosts, HostResolvConf: network.HostResolvConf()}
}

// Files are the contents of the files of the runtime directory that a container mounts, by
// their names there.
func Files(c *spec.Container, names Names) map[string][]byte {
	hostname := c.OCI.Hostname
	if hostname == "" {
		hostname, _ = spec.EnvValue(c.OCI.Process.Env, "HOSTNAME")
	}
	return map[string][]byte{
		fileHosts:        hostsFile(c, hostname, names),
		fileResolvConf:   Resolver(&c.Network, names.NameServers).Conf(names.HostResolvConf),
		fileHostname:     []byte(hostname + "\n"),
		fileContainerEnv: containerEnv(c),
	}
}

// Resolver says how the container's resolv.conf is made of the host's.
func Resolver(n *spec.Network, servers []string) *network.Resolver {
	return &network.Resolver{
		AsHost: n.Mode == spec.NetworkHost, Servers: servers, DNS: n.DNS, Search: n.DNSSearch, Options: n.DNSOptions,
	}
}

// hostsFile is the host's own with --network host, where all its names hold; else it knows
// localhost, the host by podman's and docker's names for it, the container, and, as in podman, what
// the host's file knows of others, or the one that --hosts-file names instead.
func hostsFile(c *spec.Container, hostname string, names Names) []byte {
	own := network.Host{IP: names.Address, Names: []string{hostname, c.Name}}
	if own.IP == "" {
		own.IP = "127.0.0.1"
	}
	if c.OCI.Domainname != "" {
		own.Names = append([]string{hostname + "." + c.OCI.Domainname}, own.Names...)
	}
	var added []network.Host
	for _, entry := range c.Network.AddHosts {
		name, ip, _ := strings.Cut(entry, ":")
		if ip == spec.HostGateway {
			ip = names.HostAddress
		}
		added = append(added, network.Host{IP: ip, Names: []string{name}})
	}
	if c.Network.Mode == spec.NetworkHost && len(names.HostHosts) > 0 && c.Network.HostsFile == "" {
		hosts := append(bytes.TrimRight(bytes.Clone(names.HostHosts), "\n"), '\n')
		for _, h := range added {
			hosts = fmt.Appendf(hosts, "%s\t%s\n", h.IP, h.Names[0])
		}
		if c.OCI.Hostname == "" { // the host's name, which the file has
			return hosts
		}
		return fmt.Appendf(hosts, "%s\t%s\n", own.IP, hostname)
	}
	base := names.BaseHosts
	if c.Network.HostsFile == "" {
		base = names.HostHosts
	}
	lines := append(added, network.Host{IP: names.HostAddress, Names: []string{"host.containers.internal", "host.docker.internal"}}, own)
	return network.Hosts(base, lines)
}

// containerEnv is what programs look at to learn that they are in a container: podman's
// file, in its form.
func containerEnv(c *spec.Container) []byte {
	return fmt.Appendf(nil, "engine=\"rc\"\nname=%q\nid=%q\nimage=%q\nimageid=%q\nrootless=1\n",
		c.Name, c.ID, c.Image.Name, c.Image.ID)
}
