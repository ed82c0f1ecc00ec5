package create

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// network decides how the container is connected, and refuses what its kind of network cannot
// do.
func (d *draft) network() error {
	if err := d.ports(); err != nil {
		return err
	}
	n := &d.c.Network
	if n.Mode == "" {
		if err := d.networkMode(n); err != nil {
			return err
		}
	}
	if err := d.checkNetwork(n); err != nil {
		return err
	}
	return d.names(n)
}

// networkMode is for a container that was not given a mode: the configuration's, or the
// environment's.
func (d *draft) networkMode(n *spec.Network) error {
	conf := &d.env.Config.Containers
	switch mode := conf.Network; mode {
	case "", "private", "bridge": // bridge is another program's default
	default:
		parsed, err := parse.Network(mode)
		if err != nil {
			return fmt.Errorf("containers.conf: netns: %w", err)
		}
		n.Mode, n.Options, n.Target, n.Attachments = parsed.Mode, parsed.Options, parsed.Target, parsed.Attachments
	}
	if n.Mode != "" {
		return nil
	}
	n.Mode = d.env.Network
	if len(n.Ports) > 0 {
		n.Mode = d.env.PublishNetwork
		if samePort(n.Ports) && d.env.Network != "" { // pasta leads a port of the host to one place, whatever the address
			n.Mode = d.env.Network
		}
	}
	if n.Mode == "" {
		return errs.WithCheck(
			fmt.Errorf("network: neither slirp4netns nor pasta is installed: %w", errs.ErrNotFound),
			"apt install slirp4netns passt, or use --network host or --network none", "helpers")
	}
	return nil
}

// samePort tells whether a port of the host is published more than once, at several addresses.
func samePort(ports []spec.Port) bool {
	for i, p := range ports {
		p.HostIP = ""
		if slices.ContainsFunc(ports[:i], p.Meets) {
			return true
		}
	}
	return false
}

// ports are those that are published, and those that the image and --expose speak of.
func (d *draft) ports() error {
	n := d.opts.Network
	var err error
	if n.Ports, err = parse.CheckPorts(n.Ports); err != nil {
		return err
	}
	exposed := slices.Clone(n.Expose)
	for _, value := range slices.Sorted(maps.Keys(d.image.Config.ExposedPorts)) {
		list, err := parse.Expose(value)
		if err != nil {
			continue // the image's mistake, or sctp: nothing depends on it
		}
		exposed = append(exposed, list...)
	}
	slices.Sort(exposed)
	n.Expose = slices.Compact(exposed)
	if n.PublishAll {
		n.Ports = append(n.Ports, unpublished(n.Expose, n.Ports)...)
	}
	d.c.Network = n
	return nil
}

// unpublished are the exposed ports that -p does not name.
func unpublished(exposed []string, ports []spec.Port) []spec.Port {
	var list []spec.Port
	for _, e := range exposed {
		number, protocol, _ := strings.Cut(e, "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || slices.ContainsFunc(ports, func(p spec.Port) bool { return p.Has(uint16(port), protocol) }) {
			continue
		}
		list = append(list, spec.Port{ContainerPort: uint16(port), Range: 1, Protocol: protocol})
	}
	return list
}

// checkNetwork refuses what makes no sense without a network of the container's own.
func (d *draft) checkNetwork(n *spec.Network) error {
	var reason string
	switch n.Mode {
	case spec.NetworkHost:
		reason = "with --network host the container uses the host's ports itself"
	case spec.NetworkNone:
		reason = "with --network none nothing can reach the container"
	case spec.NetworkContainer, spec.NetworkPath:
		return d.checkShared(n)
	default:
		return nil
	}
	if len(d.opts.Network.Ports) > 0 {
		return errs.Invalidf("-p %s: %s", n.Ports[0].Container(), reason)
	}
	n.Ports = nil // -P is about what there is
	if n.Rate != nil {
		return errs.Invalidf("--network-rate %q: with --network %s the container has no network of its own", n.Rate, n.Mode)
	}
	return nil
}

// checkShared refuses what is for whoever the network belongs to.
func (d *draft) checkShared(n *spec.Network) error {
	what := ""
	switch {
	case len(d.opts.Network.Ports) > 0:
		what = "-p " + n.Ports[0].Container()
	case n.Rate != nil:
		what = "--network-rate " + n.Rate.String()
	case n.Mode != spec.NetworkContainer:
	case len(n.DNS)+len(n.DNSSearch)+len(n.DNSOptions) > 0:
		what = "--dns"
	case len(n.AddHosts) > 0:
		what = "--add-host " + n.AddHosts[0]
	}
	if what != "" {
		return errs.Invalidf("%s: the container shares another one's network and names: they are set there", what)
	}
	n.Ports = nil
	return nil
}

// fileDir is where a file of rc's making is: what is about the network is the other
// container's, where one is shared.
func (d *draft) fileDir(name string) string {
	if d.c.Network.Mode == spec.NetworkContainer && (name == fileHosts || name == fileResolvConf) {
		return d.env.NetworkDir
	}
	return d.env.RunDir
}

// names takes the configuration's answers to what the flags left open.
func (d *draft) names(n *spec.Network) error {
	conf := &d.env.Config.Containers
	take := func(to *[]string, values []string, key string, parse func(string) (string, error)) error {
		if len(*to) > 0 {
			return nil
		}
		for _, value := range values {
			parsed, err := parse(value)
			if err != nil {
				return fmt.Errorf("containers.conf: %s: %w", key, err)
			}
			*to = append(*to, parsed)
		}
		return nil
	}
	if n.Mode == spec.NetworkContainer {
		return nil
	}
	if err := take(&n.DNS, conf.DNSServers, "dns_servers", parse.DNS); err != nil {
		return err
	}
	if err := take(&n.DNSSearch, conf.DNSSearches, "dns_searches", parse.DNSSearch); err != nil {
		return err
	}
	if err := take(&n.DNSOptions, conf.DNSOptions, "dns_options", parse.DNSOption); err != nil {
		return err
	}
	if slices.Contains(n.DNS, "none") && len(n.DNS)+len(n.DNSSearch)+len(n.DNSOptions) > 1 {
		return errs.Invalidf("--dns none: no resolv.conf is written, so other --dns flags have no effect")
	}
	// As in podman, what is to be added to a file says that there is to be one.
	n.NoHosts = n.NoHosts || conf.NoHosts && len(n.AddHosts) == 0
	n.NoHostname = n.NoHostname || conf.NoHostname
	if n.NoHosts && len(n.AddHosts) > 0 {
		return errs.Invalidf("--add-host %q: together with --no-hosts", n.AddHosts[0])
	}
	from := "--hosts-file"
	if n.HostsFile == "" {
		n.HostsFile, from = conf.BaseHostsFile, "containers.conf: base_hosts_file"
	}
	switch {
	case n.HostsFile == "" || n.HostsFile == "none":
	case n.HostsFile == "image":
		return errs.Unsupportedf("%s %q: want none or a file of the host's; --no-hosts leaves the image's file as it is", from, n.HostsFile)
	case !filepath.IsAbs(n.HostsFile):
		return errs.Invalidf("%s %q: want none or an absolute path", from, n.HostsFile)
	default:
		if err := d.env.Exists(n.HostsFile); err != nil {
			return fmt.Errorf("%s %q: %w", from, n.HostsFile, err)
		}
	}
	return nil
}

// withoutFile says that the user does not want one of the files that rc makes.
func (d *draft) withoutFile(name string) bool {
	n := &d.c.Network
	return name == fileHosts && n.NoHosts || name == fileHostname && n.NoHostname || name == fileResolvConf && slices.Contains(n.DNS, "none") ||
		name == fileContainerEnv && d.opts.NoContainerEnv
}
