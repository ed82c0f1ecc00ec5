package complete

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/spec"
)

// networks completes MODE[:OPTIONS] and NAME[:OPTIONS].
func networks(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		mode, options, found := strings.Cut(word, ":")
		if !found {
			return append(networkModes(), cli.NetworkNames(a)...), nothing
		}
		switch mode {
		case spec.NetworkContainer:
			return prefixed(mode+":", cli.ContainerNames(a, options, cli.Alive)), nothing
		case spec.NetworkPath:
			return prefixed(mode+":", paths(options)), unfinished
		case spec.NetworkPasta:
			return prefixed(mode+":", []string{"--mtu,", "--no-map-gw", "--map-gw", "-T,", "-U,", "--ipv4-only", "--ipv6-only"}), unfinished
		case spec.NetworkSlirp4netns:
			return keyed(mode+":", options, []string{
				"mtu=", "cidr=", "enable_ipv6=", "allow_host_loopback=", "outbound_addr=", "outbound_addr6=", "port_handler=",
			}, func(key, _ string) []string {
				switch key {
				case "enable_ipv6", "allow_host_loopback":
					return []string{"true", "false"}
				case "port_handler":
					return []string{"rootlesskit", "slirp4netns"}
				}
				return nil
			}), unfinished
		case spec.NetworkNone, spec.NetworkHost, "private", "default":
			return nil, nothing
		}
		return keyed(mode+":", options, []string{"ip=", "ip6=", "mac=", "alias=", "interface_name="},
			func(string, string) []string { return nil }), unfinished
	}
}

func networkModes() []string {
	meanings := map[string]string{
		spec.NetworkNone: "no network but lo", spec.NetworkHost: "the host's", "private": "a network helper of its own",
		"default": "the same as private", spec.NetworkPasta: "pasta: fast, clients' own addresses", spec.NetworkSlirp4netns: "slirp4netns: ready soonest",
		spec.NetworkBridge: "the default bridge network", spec.NetworkContainer + ":": "another container's", spec.NetworkPath + ":": "a network namespace by its path",
	}
	var list []string
	for _, mode := range spec.NetworkModes() {
		list = append(list, cobra.CompletionWithDesc(mode, meanings[mode]))
	}
	return list
}

// hostEntry offers what an IP may be instead.
func hostEntry(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	name, _, found := strings.Cut(word, ":")
	if !found || name == "" {
		return nil, unfinished
	}
	return []string{name + ":" + spec.HostGateway}, nothing
}

func dnsOptions() cli.Completion {
	return cobra.FixedCompletions([]string{"ndots:", "timeout:", "attempts:", "rotate", "edns0", "use-vc"}, unfinished)
}

// dnsServers offers those of the host.
func dnsServers(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	list := []string{"none\tleave resolv.conf alone"}
	data, _ := os.ReadFile("/etc/resolv.conf")
	for line := range strings.Lines(string(data)) {
		if field := strings.Fields(line); len(field) > 1 && field[0] == "nameserver" {
			list = append(list, field[1]+"\tthe host's")
		}
	}
	return list, nothing
}

// userNamespaces completes MODE[:OPTIONS].
func userNamespaces(a *cli.App) cli.Completion {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		mode, options, found := strings.Cut(word, ":")
		none := func(string, string) []string { return nil }
		switch {
		case found && mode == spec.UsernsContainer:
			return prefixed(mode+":", cli.ContainerNames(a, options, cli.Alive)), nothing
		case found && mode == spec.UsernsKeepID:
			return keyed(mode+":", options, []string{"uid=", "gid=", "size="}, none), unfinished
		case found && mode == spec.UsernsAuto:
			return keyed(mode+":", options, []string{"size=", "uidmapping=", "gidmapping="}, none), unfinished
		case found:
			return nil, nothing
		}
		return []string{
			spec.UsernsHost + "\troot is you", spec.UsernsKeepID + "\tyou are yourself inside", spec.UsernsKeepID + ":\tthe same, with options",
			spec.UsernsNoMap + "\tyou are nobody inside", spec.UsernsAuto + "\tids that no other container has", spec.UsernsAuto + ":\tthe same, with options",
			spec.UsernsPrivate + "\tas --uidmap says", spec.UsernsContainer + ":\tanother container's",
		}, nothing
	}
}
