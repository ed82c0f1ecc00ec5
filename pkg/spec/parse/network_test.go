package parse

import (
	"strings"
	"testing"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

func TestParseNetworks(t *testing.T) {
	bridge := func(list ...spec.Attachment) spec.Network {
		return spec.Network{Mode: spec.NetworkBridge, Attachments: list}
	}
	check(t, func(value string) (spec.Network, error) { return Networks(strings.Fields(value)) }, []accepted[spec.Network]{
		{"", spec.Network{}},
		{"none", spec.Network{Mode: "none"}},
		{"host", spec.Network{Mode: "host"}},
		{"private", spec.Network{}},
		{"default", spec.Network{}},
		{"pasta", spec.Network{Mode: "pasta"}},
		{"slirp4netns:mtu=1500,enable_ipv6=true", spec.Network{Mode: "slirp4netns", Options: []string{"mtu=1500", "enable_ipv6=true"}}},
		{"container:web", spec.Network{Mode: "container", Target: "web"}},
		{"ns:/run/netns/../netns/a", spec.Network{Mode: "ns", Target: "/run/netns/a"}},
		{"bridge", bridge(spec.Attachment{})},
		{"bridge:ip=10.0.0.1", bridge(spec.Attachment{IP: "10.0.0.1"})},
		{"my-net", bridge(spec.Attachment{Network: "my-net"})},
		{"a,b", bridge(spec.Attachment{Network: "a"}, spec.Attachment{Network: "b"})},
		{"a b:ip=10.0.0.1,ip6=fd00::1,mac=92-d0-C6-0a-29-33,alias=x,alias=y.z,interface_name=eth9", bridge(
			spec.Attachment{Network: "a"},
			spec.Attachment{Network: "b", IP: "10.0.0.1", IP6: "fd00::1", MAC: "92:d0:c6:0a:29:33", Interface: "eth9", Aliases: []string{"x", "y.z"}})},
		{"a:ip=fd00::1", bridge(spec.Attachment{Network: "a", IP6: "fd00::1"})},
	}, []refusal{
		{"host:x", "no options", nil},
		{"private:x", "no options", nil},
		{"none host", "several networks", nil},
		{"a host", "several networks", nil},
		{"a a", `network "a" twice`, nil},
		{"container:", "container:NAME", nil},
		{"ns:a", "absolute", nil},
		{"pod", "pods", errs.ErrUnsupported},
		{"a,,b", "name of a network", nil},
		{"-a", "name of a network", nil},
		{":ip=1.2.3.4", "name of a network", nil},
		{"a:ip", "each with a value", nil},
		{"a:ip=x", "want an address", nil},
		{"a:ip6=1.2.3.4", "want an address", nil},
		{"a:ip=fe80::1%eth0", "want an address", nil},
		{"a:mac=x", "want a MAC", nil},
		{"a:alias=a/b", "host name", nil},
		{"a:interface_name=a/b", "interface", nil},
		{"a:color=red", "want ip=", nil},
		{"a\x00b", "NUL", nil},
	})
	check(t, MAC, []accepted[string]{{"92:D0:C6:0A:29:33", "92:d0:c6:0a:29:33"}},
		[]refusal{{"", "MAC", nil}, {"93:d0:c6:0a:29:33", "group", nil}, {"92d0c6:0a:29:33::", "MAC", nil}, {"92:d0:c6:0a:29:33:44", "MAC", nil}})
}

func TestParsePort(t *testing.T) {
	port := func(ip string, host, last, inside, count uint16) []spec.Port {
		return []spec.Port{{HostIP: ip, HostPort: host, HostLast: last, ContainerPort: inside, Range: count, Protocol: spec.TCP}}
	}
	dns := func(protocol string) spec.Port {
		return spec.Port{HostPort: 53, ContainerPort: 53, Range: 1, Protocol: protocol}
	}
	check(t, Port, []accepted[[]spec.Port]{
		{"80", port("", 0, 0, 80, 1)},
		{"8080:80", port("", 8080, 0, 80, 1)},
		{"0:80", port("", 0, 0, 80, 1)},
		{":80", port("", 0, 0, 80, 1)},
		{"8080:80/TCP", port("", 8080, 0, 80, 1)},
		{"127.0.0.1:8080:80", port("127.0.0.1", 8080, 0, 80, 1)},
		{"127.0.0.1::80", port("127.0.0.1", 0, 0, 80, 1)},
		{"[::1]:8080:80", port("::1", 8080, 0, 80, 1)},
		{"[::1]::80", port("::1", 0, 0, 80, 1)},
		{"8000-8010:80-90", port("", 8000, 0, 80, 11)},
		{"80-90", port("", 0, 0, 80, 11)},
		{"8000-8010:80", port("", 8000, 8010, 80, 1)},
		{"65535:65535", port("", 65535, 0, 65535, 1)},
		{"53:53/udp", []spec.Port{dns(spec.UDP)}},
		{"53:53/tcp,udp", []spec.Port{dns(spec.TCP), dns(spec.UDP)}},
	}, []refusal{
		{"", "no port", nil},
		{"x", "no port", nil},
		{"+80", "no port", nil},
		{"0", "cannot be 0", nil},
		{"65536", "no port", nil},
		{"8080:0", "cannot be 0", nil},
		{"90-80", "backwards", nil},
		{"8000-8001:80-82", "2 host ports and 3 container ports", nil},
		{"0-5:80-85", "begins at 1", nil},
		{"80/icmp", "want tcp or udp", nil},
		{"80/tcp,tcp", "want tcp or udp", nil},
		{"80/sctp", "sctp", errs.ErrUnsupported},
		{"::1:80:80", "no address", nil},
		{"127.0.0.1:80", "after the address", nil},
		{"[::1]:80", "after the address", nil},
		{"localhost:80:80", "no address", nil},
		{"[127.0.0.1]:80:80", "no address", nil},
		{"[fe80::1%eth0]:80:80", "no address", nil},
	})
	check(t, Expose, []accepted[[]string]{
		{"80", []string{"80/tcp"}}, {"80-82/udp", []string{"80/udp", "81/udp", "82/udp"}},
	}, []refusal{{"", "no port", nil}, {"0", "port 0", nil}, {"80:80", "no port", nil}})
}

func checkPorts(t *testing.T, value string, ports []spec.Port) {
	t.Helper()
	for _, p := range ports {
		if p.Range < 1 || p.ContainerPort < 1 || int(p.ContainerPort)+int(p.Range) > 65536 ||
			p.HostPort != 0 && int(p.HostPort)+int(p.Range) > 65536 || len(p.Single()) != int(p.Range) {
			t.Errorf("%q: %+v", value, p)
		}
	}
}

func TestCheckPorts(t *testing.T) {
	for values, want := range map[string]string{
		"80 80":                           "",
		"80:80 80:80":                     "",
		"80:80 81:80":                     "",
		"80:80/tcp 80:80/udp":             "",
		"127.0.0.1:80:80 127.0.0.2:80:80": "",
		"0.0.0.0:80:80 [::]:80:80":        "",
		"80:80 80:81":                     "host port 0.0.0.0:80/tcp is published to 80/tcp already",
		"80:80 127.0.0.1:80:80":           "already",
		"0.0.0.0:80:80 127.0.0.1:80:80":   "already",
		"80-90:80-90 85:1":                "host port 0.0.0.0:80-90/tcp is published to 80-90/tcp already",
		"80-90:80-90 91:1":                "",
	} {
		var all []spec.Port
		for value := range strings.FieldsSeq(values) {
			ports, err := Port(value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, ports...)
		}
		_, err := CheckPorts(all)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", values, err, want)
		}
	}
}

func TestParseNames(t *testing.T) {
	check(t, DNS, []accepted[string]{{"192.0.2.1", "192.0.2.1"}, {"none", "none"}, {"2001:db8::0:1", "2001:db8::1"}},
		[]refusal{{"", "name server", nil}, {"dns.example", "name server", nil}, {"0.0.0.0", "name server", nil}})
	check(t, DNSSearch, []accepted[string]{{".", "."}, {"a.example", "a.example"}}, []refusal{{"", "domain", nil}, {"a b", "domain", nil}})
	check(t, DNSOption, []accepted[string]{{"ndots:2", "ndots:2"}}, []refusal{{"", "option", nil}, {"a\nnameserver 1.2.3.4", "option", nil}})
	check(t, AddHost, []accepted[[]string]{
		{"db:10.0.0.1", []string{"db:10.0.0.1"}},
		{"db=10.0.0.1", []string{"db:10.0.0.1"}},
		{"a;b:::1", []string{"a:::1", "b:::1"}},
		{"a:[::1]", []string{"a:::1"}},
		{"host:host-gateway", []string{"host:host-gateway"}},
	}, []refusal{{"db", "NAME:IP", nil}, {"db:x", "no address", nil}, {":1.2.3.4", "no host name", nil}, {"a b:1.2.3.4", "no host name", nil}})
	check(t, Rate, []accepted[*spec.Rate]{
		{"in=10mbit,out=5mbit", &spec.Rate{In: 10_000_000, Out: 5_000_000}},
		{"out=1.5m", &spec.Rate{Out: 1_500_000}},
		{"in=1gbit,burst=64k", &spec.Rate{In: 1_000_000_000, Burst: 65536}},
		{"in=16000", &spec.Rate{In: 16_000}},
		{"in=8kibit", &spec.Rate{In: 8192}},
	}, []refusal{
		{"", "want in=", nil},
		{"10mbit", "want in=", nil},
		{"in=", "want a rate", nil},
		{"in=10mbps", "bits per second", nil},
		{"in=1kbit", "8kbit", nil},
		{"in=2tbit", "1tbit", nil},
		{"burst=64k", "want in=", nil},
		{"in=1m,in=2m", "twice", nil},
		{"in=1m,burst=1", "64k", nil},
		{"in=0x10mbit", "want a rate", nil},
	})
	if got := (&spec.Rate{In: 1_500_000, Out: 2_000_000_000, Burst: 9}).String(); got != "in=1500kbit,out=2gbit,burst=9" {
		t.Error(got)
	}
}
