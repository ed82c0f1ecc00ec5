package network

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// The modes that this package provides for.
const (
	ModeSlirp4netns = spec.NetworkSlirp4netns
	ModePasta       = spec.NetworkPasta
)

// Plan is what rc-net is to do for one container. It is the first message that rc-net gets.
type Plan struct {
	// Mode is slirp4netns or pasta.
	Mode string `json:"mode"`
	// Path is the program, Args are its arguments without its name. They speak of
	// descriptors: 3 is the container's network namespace, 4 a pipe into which the program
	// writes when the network is up.
	Path string   `json:"path"`
	Args []string `json:"args"`
	// Interface is the container's.
	Interface string `json:"interface,omitempty"`
	// IP and Gateway are what is known before the start: empty with pasta, which takes
	// them from the host at the start.
	IP      string `json:"ip,omitempty"`
	Prefix  int    `json:"prefix,omitempty"`
	Gateway string `json:"gateway,omitempty"`
	// Dir is the container's runtime directory, rc-net's working directory.
	Dir string `json:"dir,omitempty"`
	// Rate limits the container's bandwidth.
	Rate *spec.Rate `json:"rate,omitempty"`
	// Resolver, where there is one, says that Dir/resolv.conf follows the host's.
	Resolver *Resolver `json:"resolver,omitempty"`
	// DNS are the name servers that the program answers for.
	DNS []string `json:"dns,omitempty"`
	// HostIP is where the container reaches the host; empty where it does not.
	HostIP string `json:"hostIP,omitempty"`
	// Ports are published by the program itself, or by rc-net: see Handler.
	Ports   []spec.Port `json:"ports,omitempty"`
	Handler string      `json:"handler,omitempty"`
}

// Who publishes ports: Plan.Handler. With pasta it is always the program.
const (
	handlerProgram = "program"     // pasta's arguments, slirp4netns's socket
	handlerOwn     = "rootlesskit" // rc-net's forwarder, by podman's name for it
)

// Answer is what rc-net says: once when the network is up or cannot be, and whenever that
// changes.
type Answer struct {
	// Ready says that the network is up, or up again.
	Ready bool `json:"ready,omitempty"`
	// Program is the pid of what does the work, in rc-net's pid namespace: should rc-net be killed,
	// the shim ends it.
	Program int `json:"program,omitempty"`
	// Link is what inspect shows of it; the shim hands it on as it is.
	Link *spec.Link `json:"link,omitempty"`
	// Lost is why the network went down. Another answer tells what became of it.
	Lost string `json:"lost,omitempty"`
	// Error is why there is no network, and none to be expected.
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// Look finds a program by name, as os/exec.LookPath does.
type Look func(name string) (path string, err error)

// Machine is what a plan has to know of the machine; ThisMachine finds it out.
type Machine struct {
	Look Look
	// IPv6 says that the kernel has it, Online that there is a default route.
	IPv6, Online bool
}

// ThisMachine looks at the machine. Programs are looked for by look.
func ThisMachine(look Look) Machine {
	m := Machine{Look: look}
	if data, err := os.ReadFile(disableIPv6); err == nil {
		m.IPv6 = strings.TrimSpace(string(data)) == "0"
	}
	if routes, err := os.ReadFile("/proc/net/route"); err == nil {
		_, _, m.Online = defaultRoute(string(routes))
	}
	if routes, err := os.ReadFile("/proc/net/ipv6_route"); err == nil && !m.Online {
		_, _, m.Online = defaultRoute6(string(routes))
	}
	return m
}

// disableIPv6 is 0 where IPv6 is in use, and missing where the kernel lacks it.
const disableIPv6 = "/proc/sys/net/ipv6/conf/all/disable_ipv6"

// debianPackage is the package that has a mode's program.
func debianPackage(mode string) string {
	if mode == ModePasta {
		return "passt"
	}
	return mode
}

// Default is the mode for a container that was not given one (see the package's comment):
// slirp4netns, which is ready sooner and smaller, or, where ports are published, pasta, which
// shows the container its clients' addresses; its older versions need a default route.
func Default(m Machine, publish bool) (string, error) {
	modes := []string{ModeSlirp4netns, ModePasta}
	if publish && m.Online {
		modes[0], modes[1] = modes[1], modes[0]
	}
	for _, mode := range modes {
		if _, err := m.Look(mode); err == nil {
			return mode, nil
		}
	}
	return "", errs.WithCheck(
		fmt.Errorf("network: neither slirp4netns nor pasta is installed: %w", errs.ErrNotFound),
		"install one of the Debian packages slirp4netns and passt, or use --network none or --network host", "helpers")
}

// NewPlan makes a plan for a mode and what the user wrote after it: --network MODE:OPTIONS,
// split at commas. The ports must be decided (Reserve). It executes nothing.
func NewPlan(mode string, options []string, ports []spec.Port, m Machine) (Plan, error) {
	var p Plan
	var err error
	switch mode {
	case ModeSlirp4netns:
		p, err = slirp4netnsPlan(options, ports, m.IPv6)
	case ModePasta:
		p, err = pastaPlan(options, ports)
	default:
		return p, errs.Invalidf("network %q: want slirp4netns or pasta", mode)
	}
	if err != nil {
		return p, err
	}
	p.Ports = ports
	if p.Path, err = m.Look(mode); err != nil {
		return p, errs.WithCheck(fmt.Errorf("network %s: the program is not installed: %w", mode, errs.ErrNotFound),
			"install the Debian package "+debianPackage(mode)+", or use another --network", "helpers")
	}
	return p, nil
}

// Limit adds a limit of the bandwidth. With slirp4netns published ports lead through its
// interface then, which is the one that is limited.
func (p *Plan) Limit(rate *spec.Rate, options []string) error {
	if p.Rate = rate; rate == nil || p.Mode != ModeSlirp4netns || p.Handler != handlerOwn {
		return nil
	}
	if slices.Contains(options, "port_handler="+handlerOwn) {
		return errs.WithHint(errs.Invalidf("--network-rate %q: with port_handler=%s connections to published ports are not limited", rate, handlerOwn),
			"--network pasta, or --network slirp4netns:port_handler=slirp4netns")
	}
	limited, err := NewPlan(p.Mode, append(slices.Clone(options), "port_handler="+ModeSlirp4netns), p.Ports,
		Machine{Look: func(string) (string, error) { return p.Path, nil }, IPv6: slices.Contains(p.Args, "--enable-ipv6")})
	if err != nil {
		return err
	}
	limited.Rate = rate
	*p = limited
	return nil
}

// BindsAlone says that a reservation would be in the way of who publishes the ports:
// slirp4netns binds UDP sockets without SO_REUSEADDR.
func (p *Plan) BindsAlone() bool { return p.Mode == ModeSlirp4netns && p.Handler == handlerProgram }

// badOption is an error about one option of a mode.
func badOption(mode, option, want string) error {
	return errs.Invalidf("--network %s: option %q: %s", mode, option, want)
}

// add is the address n above another.
func add(a netip.Addr, n int) netip.Addr {
	for range n {
		a = a.Next()
	}
	return a
}
