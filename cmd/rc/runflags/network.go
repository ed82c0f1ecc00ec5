package runflags

import (
	"cmp"
	"slices"

	"github.com/spf13/pflag"

	"github.com/rc-containers/rc/cmd/rc/cli"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/spec/parse"
)

// networkFlags are what run and create are told about ports, names and addresses.
type networkFlags struct {
	publish, expose            []string
	publishAll                 bool
	dns, dnsSearch, dnsOptions []string
	addHosts                   []string
	hostsFile                  string
	noHosts, noHostname        bool
	ip, ip6, mac, rate         string
	aliases                    []string
}

func (f *networkFlags) add(flags *pflag.FlagSet) {
	cli.ListVar(flags, &f.publish, "publish", "p", "Publish a port: [[IP:][HOSTPORT[-LAST]]:]PORT[-LAST][/tcp|udp]")
	flags.BoolVarP(&f.publishAll, "publish-all", "P", false, "Publish all exposed ports, at ports of the host that rc chooses")
	cli.WordsVar(flags, &f.expose, "expose", "", "Say that the container serves a port: PORT[-LAST][/tcp|udp]")
	cli.WordsVar(flags, &f.dns, "dns", "", "Name server to use instead of the network's, or none to leave resolv.conf alone")
	cli.WordsVar(flags, &f.dnsSearch, "dns-search", "", `Domain to search names in, "." for none`)
	cli.WordsVar(flags, &f.dnsOptions, "dns-option", "", "Option of resolv.conf")
	cli.WordsVar(flags, &f.dnsOptions, "dns-opt", "", "Option of resolv.conf")
	flags.Lookup("dns-opt").Hidden = true // docker's word
	cli.ListVar(flags, &f.addHosts, "add-host", "", "Line of /etc/hosts: NAME[;NAME…]:IP, where IP may be host-gateway")
	flags.StringVar(&f.hostsFile, "hosts-file", "", "Whose names /etc/hosts has beside its own: a file's, or none; the host's /etc/hosts without")
	flags.BoolVar(&f.noHosts, "no-hosts", false, "Leave the image's /etc/hosts alone")
	flags.BoolVar(&f.noHostname, "no-hostname", false, "Leave the image's /etc/hostname alone")
	flags.StringVar(&f.ip, "ip", "", "IPv4 address in the network")
	flags.StringVar(&f.ip6, "ip6", "", "IPv6 address in the network")
	flags.StringVar(&f.mac, "mac-address", "", "Hardware address in the network")
	cli.WordsVar(flags, &f.aliases, "network-alias", "", "Further name of the container in its networks")
	cli.WordsVar(flags, &f.aliases, "net-alias", "", "Further name of the container in its networks")
	flags.Lookup("net-alias").Hidden = true // docker's older word
	flags.StringVar(&f.rate, "network-rate", "", "Limit the bandwidth to and from the world: in=RATE,out=RATE[,burst=SIZE], such as in=10mbit,out=5mbit; not limited is what comes from the host's 127.0.0.1 through pasta, or stays on a bridge network")
}

// options adds them to what --network said.
func (f *networkFlags) options(p *Parser, n *spec.Network) {
	for _, list := range each(p, "publish", f.publish, parse.Port) {
		n.Ports = append(n.Ports, list...)
	}
	for _, list := range each(p, "expose", f.expose, parse.Expose) {
		n.Expose = append(n.Expose, list...)
	}
	for _, list := range each(p, "add-host", f.addHosts, parse.AddHost) {
		n.AddHosts = append(n.AddHosts, list...)
	}
	n.PublishAll = f.publishAll
	n.DNS = each(p, "dns", f.dns, parse.DNS)
	n.DNSSearch = each(p, "dns-search", f.dnsSearch, parse.DNSSearch)
	n.DNSOptions = each(p, "dns-option", f.dnsOptions, parse.DNSOption)
	n.NoHosts, n.NoHostname = f.noHosts, f.noHostname
	if n.HostsFile = f.hostsFile; f.hostsFile != "" && f.hostsFile != "none" && f.hostsFile != "image" {
		n.HostsFile = One(p, "hosts-file", f.hostsFile, p.path)
	}
	n.Rate = One(p, "network-rate", f.rate, parse.Rate)
	f.attachments(p, n)
}

// attachments are flags about the one network, and --network-alias about all of them.
func (f *networkFlags) attachments(p *Parser, n *spec.Network) {
	ip4 := func(value string) (string, error) { return parse.IP(value, false) }
	ip6 := func(value string) (string, error) { return parse.IP(value, true) }
	given := spec.Attachment{IP: One(p, "ip", f.ip, ip4), IP6: One(p, "ip6", f.ip6, ip6), MAC: One(p, "mac-address", f.mac, parse.MAC)}
	given.Aliases = each(p, "network-alias", f.aliases, parse.HostAlias)
	for _, flag := range []string{"ip", "ip6", "mac-address", "network-alias", "net-alias"} {
		switch {
		case !p.flags.Changed(flag):
		case n.Mode != spec.NetworkBridge:
			p.problems = append(p.problems, errs.WithHint(
				errs.Unsupportedf("--%s: only bridge networks have addresses to choose from and names between containers", flag),
				"rc network create NAME, then --network NAME --"+flag))
		case len(n.Attachments) > 1 && flag != "network-alias" && flag != "net-alias":
			option := map[string]string{"mac-address": "mac"}[flag]
			if option == "" {
				option = flag
			}
			p.problems = append(p.problems, errs.WithHint(
				errs.Invalidf("--%s: there are several networks", flag), "--network NAME:"+option+"=…"))
		}
	}
	for i := range n.Attachments {
		a := &n.Attachments[i]
		a.Aliases = slices.Concat(a.Aliases, given.Aliases)
		a.IP, a.IP6, a.MAC = cmp.Or(given.IP, a.IP), cmp.Or(given.IP6, a.IP6), cmp.Or(given.MAC, a.MAC)
	}
}
