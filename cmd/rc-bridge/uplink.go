package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/network"
)

// uplink is rc-net's work, done by a thread of this process.
type uplink struct {
	ready network.Answer
	sock  *os.File      // the shim's end of the protocol
	done  chan struct{} // closed when the program has been told to end
}

// startUplink returns when the container's way to the world is there, and with what rc-net said
// then. What it says later is handed on to the shim.
func startUplink(plan json.RawMessage, netns, shim *os.File) (*uplink, error) {
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(netns.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(err, ours.Close(), theirs.Close())
	}
	u := &uplink{sock: ours, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		// The program dies with the thread that started it: this one ends with the goroutine.
		runtime.LockOSThread()
		defer theirs.Close()
		network.Serve(theirs, os.NewFile(uintptr(fd), "netns"))
	}()
	if err := linux.Send(ours, plan); err != nil {
		u.stop()
		return nil, fmt.Errorf("network plan: %w", err)
	}
	data, _, err := linux.Receive(ours, messageLimit)
	if err != nil {
		u.stop()
		return nil, fmt.Errorf("network: its way out ended: %w", err)
	}
	var a network.Answer
	if err := json.Unmarshal(data, &a); err != nil || a.Error != "" {
		u.stop()
		if err == nil {
			err = errors.New(a.Error)
		}
		if a.Hint != "" {
			err = errs.WithHint(err, a.Hint)
		}
		return nil, err
	}
	u.ready = a
	go func() {
		for {
			data, _, err := linux.Receive(ours, messageLimit)
			if err != nil {
				return
			}
			_ = linux.Send(shim, data) // where it is gone all ends
		}
	}()
	return u, nil
}

// stop ends the way out.
func (u *uplink) stop() {
	_ = unix.Shutdown(int(u.sock.Fd()), unix.SHUT_RDWR) // wakes who reads, too
	<-u.done
	_ = u.sock.Close()
}
