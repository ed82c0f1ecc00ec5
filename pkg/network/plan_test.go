package network

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

var update = flag.Bool("update", false, "write golden files")

// installed is a Look that finds the given programs.
func installed(names ...string) Look {
	return func(name string) (string, error) {
		for _, n := range names {
			if n == name {
				return "/usr/bin/" + n, nil
			}
		}
		return "", errors.New("not in PATH")
	}
}

// host has the given programs, IPv6 and a route.
func host(names ...string) Machine {
	return Machine{Look: installed(names...), IPv6: true, Online: true}
}

// golden compares JSON with a file in testdata.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Error(diff)
	}
}

func TestPlan(t *testing.T) {
	ports := []spec.Port{
		{HostPort: 8080, ContainerPort: 80, Range: 1, Protocol: spec.TCP},
		{HostIP: "127.0.0.1", HostPort: 5300, ContainerPort: 53, Range: 2, Protocol: spec.UDP},
	}
	six := append(ports[:2:2], spec.Port{HostIP: "::1", HostPort: 9000, ContainerPort: 90, Range: 1, Protocol: spec.TCP})
	tests := []struct {
		name, mode, options string
		ports               []spec.Port
	}{
		{name: "slirp4netns-ports", mode: ModeSlirp4netns, ports: six},
		{"slirp4netns-hostfwd", ModeSlirp4netns, "port_handler=slirp4netns,mtu=1000", ports},
		{"pasta-ports", ModePasta, "-T,22", six},
		{name: "slirp4netns", mode: ModeSlirp4netns},
		{name: "slirp4netns-cidr", mode: ModeSlirp4netns, options: "cidr=10.7.0.0/16,mtu=1500"},
		{name: "slirp4netns-all", mode: ModeSlirp4netns, options: "allow_host_loopback=true,enable_ipv6=true,outbound_addr=192.0.2.7,outbound_addr6=eth0,port_handler=rootlesskit,mtu=65520,cidr=10.0.2.0/24"},
		{name: "pasta", mode: ModePasta, options: ""},
		{name: "pasta-options", mode: ModePasta, options: "-4,--mtu,1400,-t,8080:80,-T22,--map-gw,-I,eth7,--dns-forward=192.0.2.53,-a,198.51.100.9"},
		{name: "pasta-no-map-gw", mode: ModePasta, options: "--no-map-gw,--tcp-ports=auto"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewPlan(tt.mode, strings.Split(tt.options, ","), tt.ports, host("pasta", "slirp4netns"))
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, p)
		})
	}
}

func TestPlanErrors(t *testing.T) {
	six := []spec.Port{{HostIP: "::1", HostPort: 9000, ContainerPort: 90, Range: 1, Protocol: spec.TCP}}
	if _, err := NewPlan(ModeSlirp4netns, []string{"port_handler=slirp4netns"}, six, host(ModeSlirp4netns)); !errors.Is(err, errs.ErrUnsupported) {
		t.Errorf("IPv6 through slirp4netns itself: %v", err)
	}
	tests := []struct{ mode, options, want string }{
		{ModeSlirp4netns, "mtu=big", `option "mtu=big": want a number from 68 to 65521`},
		{ModeSlirp4netns, "mtu=67", "want a number"},
		{ModeSlirp4netns, "mtu=65522", "want a number"},
		{ModeSlirp4netns, "mtu=1000,enable_ipv6=true", "IPv6 wants 1280"},
		{ModeSlirp4netns, "cidr=fd00::/64", "want an IPv4 network like 10.0.2.0/24"},
		{ModeSlirp4netns, "cidr=10.0.2.0", "want an IPv4 network"},
		{ModeSlirp4netns, "cidr=10.0.2.0/26", "want a prefix length from 1 to 25"},
		{ModeSlirp4netns, "cidr=10.0.2.5/24", "want the network's own address, 10.0.2.0/24"},
		{ModeSlirp4netns, "enable_ipv6=yes", "want true or false"},
		{ModeSlirp4netns, "allow_host_loopback", "want true or false"},
		{ModeSlirp4netns, "outbound_addr=a/b", "want an IPv4 address of the host or the name of an interface"},
		{ModeSlirp4netns, "outbound_addr=fd00::1", "want an IPv4 address"},
		{ModeSlirp4netns, "outbound_addr=--help", "want an IPv4 address"},
		{ModeSlirp4netns, "outbound_addr6=10.0.0.1", "want an IPv6 address"},
		{ModeSlirp4netns, "outbound_addr6=fe80::1%eth0", "want an IPv6 address"},
		{ModeSlirp4netns, "port_handler=x", "want rootlesskit or slirp4netns"},
		{ModeSlirp4netns, "mtv=1", `option "mtv=1": want mtu, cidr,`},
		{ModePasta, "8080", `option "8080": want options of passt(1)`},
		{ModePasta, "-t,80,90", `option "90": want options of passt(1)`},
		{ModePasta, "-4,--netns,/x", `option "--netns": rc sets this itself`},
		{ModePasta, "--netns=/x", "rc sets this itself"},
		{ModePasta, "-P/x", "rc sets this itself"},
		{ModePasta, "--usern=/x", "rc sets this itself"},
		{ModePasta, "-4,--", "want options of passt(1)"},
		{ModePasta, "-t", `option "-t": a value is missing`},
		{ModePasta, "--dns-forward,dns", "want an IP address"},
		{ModePasta, "-a,1\x00", "want no zero byte"},
		{"bridge", "", `network "bridge": want slirp4netns or pasta`},
	}
	for _, tt := range tests {
		t.Run(tt.mode+" "+tt.options, func(t *testing.T) {
			_, err := NewPlan(tt.mode, strings.Split(tt.options, ","), nil, host("pasta", "slirp4netns"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("not ErrInvalid: %v", err)
			}
		})
	}
}

func TestMissingPrograms(t *testing.T) {
	_, err := NewPlan(ModePasta, nil, nil, host(ModeSlirp4netns))
	if !errors.Is(err, errs.ErrNotFound) || !strings.Contains(errs.Hint(err), "package passt") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	_, err = Default(host(), false)
	if !errors.Is(err, errs.ErrNotFound) || !strings.Contains(errs.Hint(err), "slirp4netns and passt") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	both, offline := host(ModePasta, ModeSlirp4netns), host(ModePasta, ModeSlirp4netns)
	offline.Online = false
	for _, tt := range []struct {
		host    Machine
		publish bool
		want    string
	}{
		{both, false, ModeSlirp4netns},
		{both, true, ModePasta},
		{offline, true, ModeSlirp4netns},
		{host(ModePasta), false, ModePasta},
		{host(ModeSlirp4netns), true, ModeSlirp4netns},
	} {
		if got, err := Default(tt.host, tt.publish); got != tt.want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, tt.want)
		}
	}
}

func TestCheckTun(t *testing.T) {
	err := checkTun(filepath.Join(t.TempDir(), "tun"))
	if err == nil || !strings.Contains(errs.Hint(err), "modprobe tun") || !strings.Contains(errs.Hint(err), "mknod") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
	if os.Geteuid() == 0 {
		return // may open anything
	}
	locked := filepath.Join(t.TempDir(), "tun")
	if err := os.WriteFile(locked, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := checkTun(locked); err == nil || !strings.Contains(errs.Hint(err), "chmod 666") {
		t.Errorf("%v, hint %q", err, errs.Hint(err))
	}
}

func TestResolvConf(t *testing.T) {
	tests := []struct {
		name, host string
		servers    []string
		want       string
	}{
		{"plain", "nameserver 192.0.2.1\n", nil, "nameserver 192.0.2.1\n"},
		{"nothing", "", nil, ""},
		{"loopback alone", "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n", []string{"10.0.2.3"}, "options edns0 trust-ad\nsearch lan\nnameserver 10.0.2.3\n"},
		{"helper first", "# by hand\n\nnameserver 192.0.2.1 # office\nnameserver ::1\nnameserver 2001:db8::1\nnameserver 192.0.2.3\n", []string{"10.0.2.3"}, "nameserver 10.0.2.3\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n"},
		{"link-local", "nameserver fe80::1%eth0\nnameserver nonsense\nnameserver\nnameserver 0.0.0.0", []string{"10.0.2.3", "fd00::3"}, "nameserver 10.0.2.3\nnameserver fd00::3\n"},
		{"twice", "nameserver 10.0.2.3", []string{"10.0.2.3"}, "nameserver 10.0.2.3\n"},
		{"no newline, tabs", "search\ta  b\ndomain c\nfoo bar\nnameserver\t192.0.2.1", nil, "search a b\ndomain c\nnameserver 192.0.2.1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string((&Resolver{Servers: tt.servers}).Conf([]byte(tt.host)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolver(t *testing.T) {
	const host = "search lan\noptions edns0\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n"
	for name, tt := range map[string]struct {
		resolver Resolver
		want     string
	}{
		"as the host":  {Resolver{AsHost: true}, host},
		"own servers":  {Resolver{Servers: []string{"10.0.2.3"}, DNS: []string{"192.0.2.9", "127.0.0.1"}}, "search lan\noptions edns0\nnameserver 192.0.2.9\nnameserver 127.0.0.1\n"},
		"own domains":  {Resolver{Search: []string{"a.test", "b.test"}}, "options edns0\nsearch a.test b.test\nnameserver 192.0.2.1\n"},
		"no domain":    {Resolver{Search: []string{"."}, Options: []string{"ndots:2"}}, "options ndots:2\nnameserver 192.0.2.1\n"},
		"host, option": {Resolver{AsHost: true, Options: []string{"rotate"}}, "search lan\noptions rotate\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n"},
	} {
		if diff := cmp.Diff(tt.want, string(tt.resolver.Conf([]byte(host)))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestHostResolvConf(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	stub, real := write("stub", "nameserver 127.0.0.53\n"), write("real", "nameserver 192.0.2.1\n")
	mixed := write("mixed", "nameserver 127.0.0.1\nnameserver 192.0.2.9\n")
	none := filepath.Join(dir, "none")
	for _, tt := range []struct{ path, behind, want string }{
		{stub, real, "nameserver 192.0.2.1\n"},
		{stub, none, "nameserver 127.0.0.53\n"},
		{mixed, real, "nameserver 127.0.0.1\nnameserver 192.0.2.9\n"},
		{none, real, ""},
	} {
		if got := string(hostResolvConf(tt.path, tt.behind)); got != tt.want {
			t.Errorf("%s: got %q, want %q", filepath.Base(tt.path), got, tt.want)
		}
	}
}

func TestHosts(t *testing.T) {
	local := "127.0.0.1\tlocalhost localhost.localdomain\n::1\tlocalhost localhost.localdomain ip6-localhost ip6-loopback\n"
	tests := []struct {
		name, base string
		lines      []Host
		want       string
	}{
		{"none", "", nil, local},
		{"own", "", []Host{{"10.0.2.100", []string{"c0ffee", "focused_curie"}}, {"", []string{"x"}}, {"1.2.3.4", nil}}, local + "10.0.2.100\tc0ffee focused_curie\n"},
		{
			"host's", "127.0.0.1 localhost\n127.0.1.1 laptop\n192.0.2.1 nas nas.lan # disks\n192.0.2.2 c0ffee\nbroken line\n192.0.2.3\n",
			[]Host{{"10.0.2.100", []string{"c0ffee"}}},
			local + "10.0.2.100\tc0ffee\n192.0.2.1\tnas nas.lan\n",
		},
		{"twice", "", []Host{{"10.0.2.100", []string{"a", "a"}}, {"10.0.2.100", []string{"a"}}}, local + "10.0.2.100\ta\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(Hosts([]byte(tt.base), tt.lines))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzResolvConf(f *testing.F) {
	f.Add("nameserver 127.0.0.53\nsearch a\n", "10.0.2.3")
	f.Add("nameserver\t::1%lo\r\noptions x", "")
	f.Fuzz(func(t *testing.T, host, server string) {
		resolver := &Resolver{Servers: []string{"10.0.2.3"}}
		out := resolver.Conf([]byte(host))
		list := nameservers(out)
		if len(list) == 0 || len(list) > maxNameservers || list[0] != "10.0.2.3" {
			t.Errorf("name servers %q of %q", list, host)
		}
		again := resolver.Conf(out)
		if string(again) != string(out) {
			t.Errorf("%q becomes %q", out, again)
		}
		Hosts([]byte(host), []Host{{server, []string{server}}})
	})
}

func FuzzPlan(f *testing.F) {
	f.Add(true, "mtu=1500,cidr=10.1.0.0/16,outbound_addr=eth0")
	f.Add(false, "-t,80,--mtu=1400,-4")
	f.Fuzz(func(t *testing.T, slirp bool, options string) {
		mode := ModePasta
		if slirp {
			mode = ModeSlirp4netns
		}
		p, err := NewPlan(mode, strings.Split(options, ","), nil, host("pasta", "slirp4netns"))
		if err != nil {
			if !errors.Is(err, errs.ErrInvalid) {
				t.Errorf("%q: %v", options, err)
			}
			return
		}
		// The namespace must be ours, whatever the user writes.
		at := len(p.Args) - 1
		if slirp {
			at--
		}
		if p.Args[at] != "/proc/self/fd/3" {
			t.Errorf("%q: arguments %q", options, p.Args)
		}
		for _, a := range p.Args[:at] {
			if strings.ContainsRune(a, 0) || a == "--userns" || strings.HasPrefix(a, "--userns=") || strings.HasPrefix(a, "--netns=") || a == "--" {
				t.Errorf("%q: arguments %q", options, p.Args)
			}
		}
	})
}
