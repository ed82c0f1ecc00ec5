package network

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rc-containers/rc/pkg/spec"
)

// pastaDNS is where pasta answers for the host's name server: link-local, so that it can
// be no address of the host's networks, and known before the start. podman uses it too.
const pastaDNS = "169.254.1.1"

// pastaOption is an option of passt(1) that rc has to know.
type pastaOption struct {
	short, long string
	value       bool // takes one
	ours        bool // set by rc: refused
}

// pastaOptions are those of passt(1) that rc sets, by default or always.
var pastaOptions = [...]pastaOption{
	{"-t", "--tcp-ports", true, false},
	{"-u", "--udp-ports", true, false},
	{"-T", "--tcp-ns", true, false},
	{"-U", "--udp-ns", true, false},
	{"", "--dns-forward", true, false},
	{"", "--no-map-gw", false, false},
	{"", "--map-gw", false, false},
	{"-I", "--ns-ifname", true, false},
	{"-f", "--foreground", false, true},
	{"-P", "--pid", true, true},
	{"-h", "--help", false, true},
	{"", "--version", false, true},
	{"", "--runas", true, true},
	{"-F", "--fd", true, true},
	{"", "--userns", true, true},
	{"", "--netns", true, true},
	{"", "--netns-only", false, true},
	{"", "--config-net", false, true},
}

// pastaPlan passes the user's options on, and adds those that keep a container's network
// to itself where the user did not decide otherwise.
func pastaPlan(options []string, ports []spec.Port) (Plan, error) {
	p := Plan{Mode: ModePasta, DNS: []string{pastaDNS}}
	given := map[string]string{}
	var own []string
	for i := 0; i < len(options); i++ {
		option := options[i]
		if option == "" {
			continue
		}
		if option == "-" || option == "--" || option[0] != '-' && (i == 0 || options[i-1] == "" || options[i-1][0] != '-') {
			return p, badOption(ModePasta, option, "want options of passt(1), like --mtu,1400 or -t,8080")
		}
		known, value, more := pastaKnown(option)
		if known.long == "" {
			own = append(own, option)
			continue
		}
		if known.ours {
			return p, badOption(ModePasta, option, "rc sets this itself")
		}
		if more { // the value is the next word
			if i++; i == len(options) {
				return p, badOption(ModePasta, option, "a value is missing")
			}
			value = options[i]
		}
		given[known.long] = value
		switch {
		case known.long == "--map-gw": // podman's word for leaving --no-map-gw out
		case known.value:
			own = append(own, known.long, value)
		default:
			own = append(own, known.long)
		}
	}
	p.Args = []string{"--foreground", "--quiet", "--config-net", "--pid", "/proc/self/fd/4"}
	for _, row := range ports {
		o := "--tcp-ports"
		if row.Protocol == spec.UDP {
			o = "--udp-ports"
		}
		given[o] = ""
		p.Args = append(p.Args, o, pastaPorts(row))
		p.Handler = handlerProgram
	}
	for _, o := range []string{"--tcp-ports", "--udp-ports", "--tcp-ns", "--udp-ns"} {
		if _, ok := given[o]; !ok {
			p.Args = append(p.Args, o, "none")
		}
	}
	if dns, ok := given["--dns-forward"]; !ok {
		p.Args = append(p.Args, "--dns-forward", pastaDNS)
	} else if _, err := netip.ParseAddr(dns); err != nil {
		return p, badOption(ModePasta, "--dns-forward,"+dns, "want an IP address")
	} else {
		p.DNS = []string{dns}
	}
	_, mapped := given["--map-gw"]
	if _, told := given["--no-map-gw"]; !mapped && !told {
		p.Args = append(p.Args, "--no-map-gw")
	}
	p.Interface = given["--ns-ifname"]
	p.Args = slices.Concat(p.Args, own, []string{"--netns-only", "--netns", "/proc/self/fd/3"})
	for _, a := range p.Args {
		if strings.ContainsRune(a, 0) { // execve(2) cannot pass it on
			return p, badOption(ModePasta, a, "want no zero byte")
		}
	}
	return p, nil
}

// pastaPorts is a row of ports the way -t and -u take it: [ADDRESS/]FIRST-LAST:FIRST-LAST.
func pastaPorts(p spec.Port) string {
	text := func(first uint16) string {
		if p.Range == 1 {
			return strconv.Itoa(int(first))
		}
		return strconv.Itoa(int(first)) + "-" + strconv.Itoa(int(first)+int(p.Range)-1)
	}
	ports := text(p.HostPort) + ":" + text(p.ContainerPort)
	if p.HostIP != "" {
		return p.HostIP + "/" + ports
	}
	return ports
}

// pastaKnown finds an option; more says that its value is the next word. Of those that are
// rc's own an abbreviation counts too: getopt_long(3) takes it.
func pastaKnown(word string) (o pastaOption, value string, more bool) {
	name, value, inline := strings.Cut(word, "=")
	for _, o := range pastaOptions {
		switch {
		case name == o.long || o.ours && strings.HasPrefix(name, "--") && strings.HasPrefix(o.long, name) || o.short != "" && name == o.short:
			return o, value, o.value && !inline
		case o.short != "" && o.value && strings.HasPrefix(word, o.short) && !strings.HasPrefix(word, "--"):
			return o, strings.TrimPrefix(word, o.short), false
		}
	}
	return pastaOption{}, "", false
}
