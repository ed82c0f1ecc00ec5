package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/network"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/hub"
	"github.com/rc-containers/rc/pkg/network/joint"
	"github.com/rc-containers/rc/pkg/network/link"
	"github.com/rc-containers/rc/pkg/network/names"
)

// server is rc-bridge at work. The main goroutine alone uses it.
type server struct {
	shim, own, hub *os.File
	config         joint.Config
	spaces         *link.Spaces
	links          *hub.Hub // its lock
	names          *names.Server
	udp, tcp       uint16           // where it listens,
	redirected     bool             // and whether port 53 leads there
	networks       []bridge.Network // that the container is on
	up             *uplink          // nil where nothing leads out
	requests       chan func()
	control        *linux.Conn
}

const messageLimit = 64 << 10

// serve returns the exit code.
func (s *server) serve(ctx context.Context) int {
	err := s.start(ctx)
	if s.spaces != nil {
		defer s.end()
	}
	if err != nil {
		_ = s.send(network.Answer{Error: err.Error(), Hint: errs.Hint(err)}) // else nobody wants to know
		return errs.CodeError
	}
	answer := network.Answer{Ready: true}
	if s.up != nil {
		answer = s.up.ready
	}
	if s.send(answer) != nil {
		return 0
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, _, err := linux.Receive(s.shim, messageLimit); err != nil {
				return // there is no second message: it is the end
			}
		}
	}()
	go s.accept()
	for {
		select {
		case <-gone:
			return 0
		case f := <-s.requests:
			f()
		}
	}
}

func (s *server) send(a network.Answer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return linux.Send(s.shim, data)
}

// start connects the container as its leases say.
func (s *server) start(ctx context.Context) error {
	data, _, err := linux.Receive(s.shim, messageLimit)
	if err == nil {
		err = json.Unmarshal(data, &s.config)
	}
	if err != nil {
		return fmt.Errorf("network plan: %w", err)
	}
	s.links = hub.At(s.config.Store.Run, 0)
	if s.spaces, err = link.Open(s.hub, s.own); err != nil {
		return err
	}
	if err := s.attachHeld(); err != nil {
		return err
	}
	s.names = names.New(&s.config.Store)
	if err := s.listen(ctx); err != nil {
		return err
	}
	if err := s.listenControl(); err != nil {
		return err
	}
	return s.follow()
}

// attach makes the connection of one lease.
func (s *server) attach(l *bridge.Lease) error {
	n, err := s.config.Store.Find(l.Network)
	if err != nil {
		return err
	}
	lock, err := s.links.LockLinks()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := s.spaces.Attach(link.NewPlan(n, l)); err != nil {
		return fmt.Errorf("network %q: %w", n.Name, err)
	}
	if !slices.ContainsFunc(s.networks, func(have bridge.Network) bool { return have.Name == n.Name }) {
		s.networks = append(s.networks, *n)
	}
	return nil
}

// listen starts the name server. Without nftables it is at port 53 itself, which then the container
// cannot have.
func (s *server) listen(ctx context.Context) error {
	l, err := names.Listen(ctx, s.own, link.Resolver(), 0)
	if err != nil {
		return err
	}
	s.udp, s.tcp = l.Ports()
	if s.redirected = link.Redirect(s.spaces, s.udp, s.tcp) == nil; !s.redirected {
		l.Close()
		if l, err = names.Listen(ctx, s.own, link.Resolver(), link.DNSPort); err != nil {
			return errs.WithCheck(err, "the kernel has no nftables (sudo modprobe nf_tables nft_chain_nat), and the container has port 53 itself", "bridge")
		}
	}
	s.names.Serve(l)
	return nil
}

// follow makes the name server and the uplink fit the networks that the container is on.
func (s *server) follow() error {
	for i := range s.networks {
		if n, err := s.config.Store.Find(s.networks[i].Name); err == nil {
			s.networks[i] = *n
		}
	}
	s.names.Follow(s.networks, s.config.Servers, names.DialIn(s.own))
	outward := slices.ContainsFunc(s.networks, func(n bridge.Network) bool { return n.Outward() })
	switch {
	case outward && s.up == nil && len(s.config.Uplink) > 0:
		var err error
		s.up, err = startUplink(s.config.Uplink, s.own, s.shim)
		return err
	case !outward && s.up != nil:
		s.up.stop()
		s.up = nil
	}
	return nil
}

// end takes the interfaces away, and bridges that nobody is connected to any more: the kernel
// would take some time for the former, and not do the latter.
func (s *server) end() {
	if s.up != nil {
		s.up.stop()
	}
	lock, err := s.links.LockLinks()
	if err != nil {
		return // without a runtime directory the user has left, and so do we
	}
	defer lock.Close()
	held, err := s.config.Store.Held(s.config.ID)
	for _, l := range held {
		err = errors.Join(err, s.spaces.Detach(l.Interface))
	}
	if err = errors.Join(err, s.spaces.Tidy()); err != nil {
		fmt.Fprintln(os.Stderr, "rc-bridge:", err)
	}
	s.spaces.Close()
}
