package network

import (
	"fmt"
	"net/netip"

	"github.com/rc-containers/rc/pkg/errs"
)

// The modes that this package provides for.
const (
	ModeSlirp4netns = "slirp4netns"
	ModePasta       = "pasta"
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
	Gateway string `json:"gateway,omitempty"`
	// DNS are the name servers that the program answers for.
	DNS []string `json:"dns,omitempty"`
	// HostIP is where the container reaches the host's loopback; empty where it does not.
	HostIP string `json:"hostIP,omitempty"`
}

// Answer is what rc-net says: once when the network is up or cannot be, and once more when
// the program ended before the container did.
type Answer struct {
	Ready     bool     `json:"ready,omitempty"`
	Interface string   `json:"interface,omitempty"`
	IP        string   `json:"ip,omitempty"`
	Gateway   string   `json:"gateway,omitempty"`
	DNS       []string `json:"dns,omitempty"`
	Error     string   `json:"error,omitempty"`
	Hint      string   `json:"hint,omitempty"`
}

// Look finds a program by name, as os/exec.LookPath does.
type Look func(name string) (path string, err error)

// debianPackage is the package that has a mode's program.
func debianPackage(mode string) string {
	if mode == ModePasta {
		return "passt"
	}
	return mode
}

// Default is the mode for a container that was not given one: slirp4netns where it is
// installed, since it is ready sooner, else pasta.
func Default(look Look) (string, error) {
	for _, mode := range []string{ModeSlirp4netns, ModePasta} {
		if _, err := look(mode); err == nil {
			return mode, nil
		}
	}
	return "", errs.WithHint(
		fmt.Errorf("network: neither slirp4netns nor pasta is installed: %w", errs.ErrNotFound),
		"install one of the Debian packages slirp4netns and passt, or use --network none or --network host")
}

// NewPlan makes a plan for a mode and what the user wrote after it: --network MODE:OPTIONS,
// split at commas. It executes nothing.
func NewPlan(mode string, options []string, look Look) (Plan, error) {
	var p Plan
	var err error
	switch mode {
	case ModeSlirp4netns:
		p, err = slirp4netnsPlan(options)
	case ModePasta:
		p, err = pastaPlan(options)
	default:
		return p, errs.Invalidf("network %q: want slirp4netns or pasta", mode)
	}
	if err != nil {
		return p, err
	}
	if p.Path, err = look(mode); err != nil {
		return p, errs.WithHint(fmt.Errorf("network %s: the program is not installed: %w", mode, errs.ErrNotFound),
			"install the Debian package "+debianPackage(mode)+", or use another --network")
	}
	return p, nil
}

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
