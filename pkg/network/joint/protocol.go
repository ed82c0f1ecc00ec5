package joint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/network/bridge"
)

// Config is what rc-bridge is told.
type Config struct {
	ID    string       `json:"id"`
	Store bridge.Store `json:"store"`
	// Dir is the container's runtime directory, where net.sock is.
	Dir string `json:"dir"`
	// Servers are asked for names that are no container's; none is the networks' or the host's.
	Servers []string `json:"servers,omitempty"`
	// Uplink is a network.Plan, for networks that lead out.
	Uplink json.RawMessage `json:"uplink,omitempty"`
}

// Domain is what containers search names in first: podman's.
const Domain = "dns.podman"

// SocketName is rc-bridge's socket in the container's runtime directory.
const SocketName = "net.sock"

// Request is what rc asks of it.
type Request struct {
	// Op is connect, disconnect, follow: read the networks' records again, or reload: make again what is
	// missing.
	Op      string `json:"op"`
	Network string `json:"network,omitempty"`
	// Interface is the one to take away.
	Interface string `json:"interface,omitempty"`
}

// What a Request can be.
const (
	Connect    = "connect"
	Disconnect = "disconnect"
	Follow     = "follow"
	Reload     = "reload"
)

// Reply is its answer.
type Reply struct {
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	// Exists says that there was nothing to connect.
	Exists bool `json:"exists,omitempty"`
}

// MessageLimit is how long a request or a reply may be.
const MessageLimit = 4 << 10

// Ask asks the rc-bridge of the container with that runtime directory. errs.ErrState says that
// there is none, or that it has ended before it answered; errs.ErrExists that the container was connected.
func Ask(dir string, r Request) error {
	d, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("network helper: %w: the container does not run", errs.ErrState)
	}
	if err != nil {
		return err
	}
	defer d.Close()
	sock, err := linux.Dial(d, SocketName)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("network helper: %w: it does not run", errs.ErrState)
	}
	if err != nil {
		return fmt.Errorf("network helper: %w", err)
	}
	defer sock.Close()
	data, err := json.Marshal(r)
	if err == nil {
		err = linux.Send(sock, data)
	}
	if err != nil {
		return fmt.Errorf("network helper: %w", err)
	}
	data, _, err = linux.Receive(sock, MessageLimit)
	if err != nil {
		return fmt.Errorf("network helper: %w: it is gone: %w", errs.ErrState, err)
	}
	var answer Reply
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("network helper: %w", err)
	}
	switch {
	case answer.Exists:
		return fmt.Errorf("network %q: already connected: %w", r.Network, errs.ErrExists)
	case answer.Error == "":
		return nil
	}
	if err = errors.New(answer.Error); answer.Hint != "" {
		err = errs.WithHint(err, answer.Hint)
	}
	return err
}
