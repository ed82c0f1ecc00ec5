package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/network/bridge"
	"github.com/rc-containers/rc/pkg/network/joint"
	"github.com/rc-containers/rc/pkg/network/link"
)

// listenControl makes net.sock, in place of that of a predecessor who was killed.
func (s *server) listenControl() error {
	if err := os.Remove(filepath.Join(s.config.Dir, joint.SocketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, err := os.OpenFile(s.config.Dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	s.control, err = linux.Listen(dir, joint.SocketName)
	return err
}

// accept has the main goroutine do what rc asks for.
func (s *server) accept() {
	for {
		conn, uid, err := s.control.Accept()
		if err != nil {
			return
		}
		if uid != 0 { // the user, as this namespace has it
			_ = conn.Close()
			continue
		}
		go func() {
			defer func() { _ = conn.Close() }()
			data, files, err := conn.Receive(joint.MessageLimit)
			for _, f := range files {
				_ = f.Close()
			}
			var r joint.Request
			if err != nil || json.Unmarshal(data, &r) != nil {
				return
			}
			done := make(chan error)
			s.requests <- func() { done <- s.do(r) }
			var reply joint.Reply
			if err := <-done; err != nil {
				reply = joint.Reply{Error: err.Error(), Hint: errs.Hint(err), Exists: errors.Is(err, errConnected)}
			}
			if data, err := json.Marshal(reply); err == nil {
				_ = conn.Send(data) // rc may be gone
			}
		}()
	}
}

// errConnected says that there is nothing to do.
var errConnected = errors.New("already connected")

// do answers a request. After an error the container is connected as it was.
func (s *server) do(r joint.Request) error {
	switch r.Op {
	case joint.Connect:
		if slices.ContainsFunc(s.networks, func(n bridge.Network) bool { return n.Name == r.Network }) {
			return fmt.Errorf("network %q: %w", r.Network, errConnected)
		}
		l, err := s.config.Store.Lease(r.Network, s.config.ID)
		if err != nil {
			return fmt.Errorf("network %q: lease: %w", r.Network, err)
		}
		if err = s.attach(l); err == nil {
			if err = s.follow(); err == nil {
				return nil
			}
		}
		return errors.Join(err, s.detach(r.Network, l.Interface))
	case joint.Disconnect:
		return s.detach(r.Network, r.Interface)
	case joint.Follow:
		return s.follow()
	case joint.Reload:
		return s.reload()
	}
	return errs.Invalidf("network helper: %q: unknown request", r.Op)
}

func (s *server) detach(network, name string) error {
	lock, err := s.links.LockLinks()
	if err != nil {
		return err
	}
	err = s.spaces.Detach(name)
	if tidied := s.spaces.Tidy(); err == nil {
		err = tidied
	}
	_ = lock.Close()
	s.networks = slices.DeleteFunc(s.networks, func(n bridge.Network) bool { return n.Name == network })
	return errors.Join(err, s.follow())
}

// attachHeld brings the loopback interface up, and makes the interfaces whose leases the container has.
func (s *server) attachHeld() error {
	if err := s.spaces.LoopbackUp(); err != nil {
		return err
	}
	held, err := s.config.Store.Held(s.config.ID)
	if err != nil {
		return err
	}
	for i := range held {
		if err := s.attach(&held[i]); err != nil {
			return err
		}
	}
	return nil
}

// reload makes what is missing of what start made.
func (s *server) reload() error {
	if err := s.attachHeld(); err != nil {
		return err
	}
	if s.redirected {
		if err := link.Redirect(s.spaces, s.udp, s.tcp); err != nil {
			return err
		}
	}
	return s.follow()
}
