package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// SocketFD is the shim's end of the socket to rc.
const SocketFD = 3

// messageLimit holds every message; what is larger (the plan) travels as a memfd.
const messageLimit = 64 << 10

// Plan is all that the shim is told. Paths are absolute and the host's.
type Plan struct {
	Container *spec.Container `json:"container"`
	// Records is where the container's record and directories are.
	Records state.Root `json:"records"`
	// Skeleton is a directory with the mount points that every container needs, empty; it lies
	// below all layers, so that making them copies nothing up.
	Skeleton string `json:"skeleton,omitempty"`
	// Seccomp is the compiled filter, empty for none.
	Seccomp []byte `json:"seccomp,omitempty"`
	// NetHelper is rc-net's path and NetConfig what it is told; empty without a network.
	NetHelper string          `json:"netHelper,omitempty"`
	NetConfig json.RawMessage `json:"netConfig,omitempty"`
	// Stdio says which of stdin, stdout, stderr came with the plan, in this order; the
	// others are /dev/null. Preserved descriptors follow them.
	Stdio [3]bool `json:"stdio"`
}

// Place says where the container's processes are counted. The directory itself comes as
// a descriptor.
type Place struct {
	// Cgroup is the container's cgroup directory on the host, "" for none.
	Cgroup string `json:"cgroup,omitempty"`
	// Scope is the systemd unit, "" where rc made the directory itself.
	Scope string `json:"scope,omitempty"`
}

// message is what goes over the socket; exactly one field is set.
type message struct {
	Plan    bool        `json:"plan,omitempty"` // the plan is the first descriptor
	Place   *Place      `json:"place,omitempty"`
	Signal  int         `json:"signal,omitempty"`
	Started *spec.State `json:"started,omitempty"`
	Exited  *spec.Exit  `json:"exited,omitempty"`
	Error   *failure    `json:"error,omitempty"`
}

// failure is an error on its way through the socket.
type failure struct {
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
	Code int    `json:"code"`
}

func (f *failure) err() error {
	err := errs.WithCode(errors.New(f.Text), f.Code)
	if f.Hint != "" {
		err = errs.WithHint(err, f.Hint)
	}
	return err
}

func failureOf(err error) *failure {
	return &failure{Text: err.Error(), Hint: errs.Hint(err), Code: errs.Code(err)}
}

func send(sock *os.File, m message, files ...*os.File) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("shim message: %w", err)
	}
	return linux.Send(sock, data, files...)
}

func receive(sock *os.File) (message, []*os.File, error) {
	data, files, err := linux.Receive(sock, messageLimit)
	if err != nil {
		return message{}, nil, err
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		for _, f := range files {
			_ = f.Close()
		}
		return message{}, nil, fmt.Errorf("shim message: %w", err)
	}
	return m, files, nil
}

// Client is rc's end of the socket.
type Client struct{ sock *os.File }

// NewClient speaks over sock, which becomes the client's.
func NewClient(sock *os.File) *Client { return &Client{sock} }

// Close ends the conversation; the shim of a container that runs then stops it.
func (c *Client) Close() error { return c.sock.Close() }

// Shutdown ends the conversation as Close does, and wakes whoever waits for an answer. It
// may be called from any goroutine, more than once.
func (c *Client) Shutdown() { _ = unix.Shutdown(int(c.sock.Fd()), unix.SHUT_RDWR) }

// SendPlan gives the shim its plan, standard streams (nil is /dev/null) and preserved
// descriptors, which all stay the caller's.
func (c *Client) SendPlan(p *Plan, stdio [3]*os.File, preserved []*os.File) error {
	files := []*os.File{nil}
	for i, f := range stdio {
		p.Stdio[i] = f != nil
		if f != nil {
			files = append(files, f)
		}
	}
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("shim plan: %w", err)
	}
	files[0], err = linux.SealedMemfd("plan", data)
	if err != nil {
		return err
	}
	defer files[0].Close()
	return send(c.sock, message{Plan: true}, append(files, preserved...)...)
}

// SendPlace follows the plan; cgroup is the directory that it names, nil for none.
func (c *Client) SendPlace(p Place, cgroup *os.File) error {
	if cgroup == nil {
		return send(c.sock, message{Place: &p})
	}
	return send(c.sock, message{Place: &p}, cgroup)
}

// Signal hands a signal to the container's first process.
func (c *Client) Signal(sig unix.Signal) error {
	return send(c.sock, message{Signal: int(sig)})
}

// Started waits until the container's command runs. The file is the terminal's master
// where the container has a terminal, and the caller's to close.
func (c *Client) Started() (*spec.State, *os.File, error) {
	m, files, err := c.next()
	if err != nil {
		return nil, nil, err
	}
	if m.Started == nil {
		return nil, nil, errors.New("shim: unexpected message before the start")
	}
	if len(files) == 0 {
		return m.Started, nil, nil
	}
	return m.Started, files[0], nil
}

// Exited waits for the container's end.
func (c *Client) Exited() (*spec.Exit, error) {
	m, _, err := c.next()
	if err != nil {
		return nil, err
	}
	if m.Exited == nil {
		return nil, errors.New("shim: unexpected message after the start")
	}
	return m.Exited, nil
}

// next is the shim's next message; its errors are errors here.
func (c *Client) next() (message, []*os.File, error) {
	m, files, err := receive(c.sock)
	if err != nil {
		return m, nil, fmt.Errorf("the container's shim is gone: %w", err)
	}
	if m.Error != nil {
		return m, nil, m.Error.err()
	}
	return m, files, nil
}
