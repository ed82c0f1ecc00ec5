package spec

import (
	"strconv"
	"strings"
)

// Values of Network.Mode.
const (
	NetworkNone        = "none"
	NetworkHost        = "host"
	NetworkPasta       = "pasta"
	NetworkSlirp4netns = "slirp4netns"
	NetworkBridge      = "bridge"
	NetworkContainer   = "container"
	NetworkPath        = "ns"
)

// Network says how a container is connected.
type Network struct {
	// Mode is one of the constants above.
	Mode string `json:"mode"`
	// Options are those of pasta and slirp4netns: what followed the mode after a colon,
	// split at commas.
	Options []string `json:"options,omitempty"`
	// Target is the full id of the container whose network namespace is joined, or, with
	// mode ns, the namespace's path.
	Target string `json:"target,omitempty"`
	// Attachments are of mode bridge, one at least.
	Attachments []Attachment `json:"attachments,omitempty"`
	// Ports are published: -p and -P. A host port that was left to rc is 0 here, and
	// chosen at each start (State.Ports).
	Ports []Port `json:"ports,omitempty"`
	// PublishAll is -P: Ports has the exposed ports, too.
	PublishAll bool `json:"publishAll,omitempty"`
	// Expose are the ports that the image and --expose speak of: "80/tcp".
	Expose []string `json:"expose,omitempty"`
	// DNS are name servers instead of the network's; "none", alone, leaves the image's
	// resolv.conf as it is.
	DNS        []string `json:"dns,omitempty"`
	DNSSearch  []string `json:"dnsSearch,omitempty"` // ".", alone, is no search domain
	DNSOptions []string `json:"dnsOptions,omitempty"`
	// AddHosts are lines of /etc/hosts: NAME:IP, where IP may be HostGateway.
	AddHosts []string `json:"addHosts,omitempty"`
	// HostsFile is what /etc/hosts begins with: a file of the host's, "image" for the image's own,
	// or "none"; "" is rc's choice.
	HostsFile  string `json:"hostsFile,omitempty"`
	NoHosts    bool   `json:"noHosts,omitempty"`
	NoHostname bool   `json:"noHostname,omitempty"`
	// Rate limits the container's bandwidth; nil does not.
	Rate *Rate `json:"rate,omitempty"`
}

// Shared says that the network namespace is somebody else's.
func (n *Network) Shared() bool { return n.Mode == NetworkContainer || n.Mode == NetworkPath }

// HostGateway stands for the host's address in Network.AddHosts.
const HostGateway = "host-gateway"

// Attachment is a container's connection to one bridge network.
type Attachment struct {
	// Network is its name; "" is the default network.
	Network string `json:"network"`
	// IP and IP6 are asked for, "" where any will do; so is MAC (xx:xx:xx:xx:xx:xx).
	IP        string   `json:"ip,omitempty"`
	IP6       string   `json:"ip6,omitempty"`
	MAC       string   `json:"mac,omitempty"`
	Interface string   `json:"interface,omitempty"`
	Aliases   []string `json:"aliases,omitempty"`
}

// Names is what ps shows: the networks' names with commas between them, or the mode.
func (n *Network) Names() string {
	if n.Mode != NetworkBridge {
		return n.Mode
	}
	names := make([]string, len(n.Attachments))
	for i := range n.Attachments {
		names[i] = n.Attachments[i].Network
	}
	return strings.Join(names, ",")
}

// Protocols of ports.
const (
	TCP = "tcp"
	UDP = "udp"
)

// Port is a published port, or several in a row.
type Port struct {
	// HostIP is an address of the host; "" is all of them.
	HostIP string `json:"hostIP,omitempty"`
	// HostPort is the first; 0 is any that is free.
	HostPort uint16 `json:"hostPort,omitempty"`
	// HostLast, where it is set, makes one container port any free one of HostPort to HostLast.
	HostLast      uint16 `json:"hostLast,omitempty"`
	ContainerPort uint16 `json:"containerPort"`
	// Range is how many there are, 1 at least.
	Range    uint16 `json:"range"`
	Protocol string `json:"protocol"` // TCP or UDP
}

// Rate is how much a container may receive and send: bits per second, 0 for no limit.
// Burst is in bytes, 0 for a fitting one.
type Rate struct {
	In    uint64 `json:"in,omitempty"`
	Out   uint64 `json:"out,omitempty"`
	Burst uint64 `json:"burst,omitempty"`
}

// Host is the port's address and number at the host, the way inspect and ps write it: all
// addresses are 0.0.0.0.
func (p Port) Host() string {
	ip := p.HostIP
	if ip == "" {
		ip = "0.0.0.0"
	}
	return joinHostPort(ip, p.HostPort, p.Range)
}

// Container is the port in the container: 80/tcp, or 80-89/tcp.
func (p Port) Container() string {
	return portRange(p.ContainerPort, p.Range) + "/" + p.Protocol
}

func joinHostPort(ip string, port, count uint16) string {
	for _, r := range ip {
		if r == ':' {
			return "[" + ip + "]:" + portRange(port, count)
		}
	}
	return ip + ":" + portRange(port, count)
}

func portRange(first, count uint16) string {
	text := strconv.Itoa(int(first))
	if count > 1 {
		text += "-" + strconv.Itoa(int(first)+int(count)-1)
	}
	return text
}

// Single are the ports of a row, one by one.
func (p Port) Single() []Port {
	list := make([]Port, 0, p.Range)
	for n := range p.Range {
		one := p
		one.Range, one.ContainerPort = 1, p.ContainerPort+n
		if p.HostPort != 0 && p.HostLast == 0 {
			one.HostPort = p.HostPort + n
		}
		list = append(list, one)
	}
	return list
}

// NetworkState is network.json in the runtime directory: how a container that runs is
// connected. The shim writes it; Link is what rc-net says.
type NetworkState struct {
	// Restarts is how often the network's helper has died and was started anew, LastError why it
	// did so last; Down says that there is no other one.
	Restarts  int    `json:"restarts,omitempty"`
	LastError string `json:"lastError,omitempty"`
	Down      bool   `json:"down,omitempty"`
	Link      Link   `json:"link"`
}

// Link is a container's connection as it came about.
type Link struct {
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	DNS       []string   `json:"dns,omitempty"`
	// Ports are as published, with every number decided.
	Ports []Port `json:"ports,omitempty"`
}

// Endpoint is one of a container's interfaces.
type Endpoint struct {
	Network   string `json:"network"` // the mode, or a bridge network's name
	Interface string `json:"interface,omitempty"`
	MAC       string `json:"mac,omitempty"`
	IP        string `json:"ip,omitempty"`
	Prefix    int    `json:"prefix,omitempty"`
	Gateway   string `json:"gateway,omitempty"`
	IP6       string `json:"ip6,omitempty"`
	Prefix6   int    `json:"prefix6,omitempty"`
	Gateway6  string `json:"gateway6,omitempty"`
}

// Has tells whether a port of the container is in the row.
func (p Port) Has(port uint16, protocol string) bool {
	return p.Protocol == protocol && port >= p.ContainerPort && int(port) < int(p.ContainerPort)+int(p.Range)
}

// String is what parse.Rate reads.
func (r *Rate) String() string {
	if r == nil {
		return ""
	}
	var fields []string
	if r.In != 0 {
		fields = append(fields, "in="+formatBits(r.In))
	}
	if r.Out != 0 {
		fields = append(fields, "out="+formatBits(r.Out))
	}
	if r.Burst != 0 {
		fields = append(fields, "burst="+strconv.FormatUint(r.Burst, 10))
	}
	return strings.Join(fields, ",")
}

func formatBits(n uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{1e9, "gbit"}, {1e6, "mbit"}, {1e3, "kbit"}} {
		if n%u.size == 0 {
			return strconv.FormatUint(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatUint(n, 10) + "bit"
}

// NetworkModes are the words of --network that are not the name of a network.
func NetworkModes() []string {
	return []string{
		NetworkNone, NetworkHost, "private", "default", NetworkPasta, NetworkSlirp4netns, NetworkBridge,
		NetworkContainer + ":", NetworkPath + ":",
	}
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

// Meets tells whether two rows of ports have one of the host's in common.
func (p Port) Meets(o Port) bool {
	if p.Protocol != o.Protocol || p.HostPort == 0 || o.HostPort == 0 || p.HostLast != 0 || o.HostLast != 0 {
		return false
	}
	if int(p.HostPort)+int(p.Range) <= int(o.HostPort) || int(o.HostPort)+int(o.Range) <= int(p.HostPort) {
		return false
	}
	return p.HostIP == "" || o.HostIP == "" || p.HostIP == o.HostIP ||
		wildcard(p.HostIP) && isSix(p.HostIP) == isSix(o.HostIP) || wildcard(o.HostIP) && isSix(p.HostIP) == isSix(o.HostIP)
}

func wildcard(ip string) bool { return ip == "0.0.0.0" || ip == "::" }

func isSix(ip string) bool { return strings.Contains(ip, ":") }
