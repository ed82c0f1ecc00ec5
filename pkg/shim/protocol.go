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
	"github.com/rc-containers/rc/pkg/wire"
)

// messageLimit holds every message; the order, which may be longer, is a memfd.
const messageLimit = 32 << 10

// The first byte of a message says what it is; doc.go has the order of events.
const (
	msgPlan    byte = 'p' // rc: the plan; the order's memfd is attached
	msgPlace   byte = 'c' // rc: the place; the cgroup's directory is attached where there is one
	msgGo      byte = 'g' // rc: the container is on record, its command may run
	msgSignal  byte = 's' // rc: a signal's number
	msgStarted byte = 't' // shim: the first process's pid on the host; the terminal's master is attached
	msgExited  byte = 'x' // shim: the exit code
	msgError   byte = 'e' // shim: failure
)

// Plan is all that the shim is told, but for what it was started with (Birth). Paths are
// absolute and the host's.
type Plan struct {
	ID, Name string
	// Records is where the container's record and directories are.
	Records state.Root
	// Rootfs is how the root filesystem is mounted. Skeleton is a directory that all
	// containers share: SkeletonLower in it has the mount points that each of them needs and
	// lies below all layers, so that making them copies nothing up; SkeletonRoot is where each
	// shim mounts the root, in a mount namespace of its own.
	Rootfs   spec.Rootfs
	Skeleton string
	// Overlays are what else the shim mounts.
	Overlays []Overlay

	Remove      bool // --rm
	StopSignal  int
	StopTimeout uint // seconds
	Timeout     uint // seconds; 0 is for ever

	// NetHelper is rc-net's path and NetConfig what it is told; empty without a network.
	NetHelper string
	NetConfig json.RawMessage

	// Place is where the container's processes are, unless the shim was told to wait for it.
	Place Place

	// Order is what the container's first process is told: pkg/oci's, encoded. It is sent as a
	// memfd, and the shim does not look into it.
	Order []byte
}

// Overlay is a directory to be mounted on Dir/merged with Dir/upper above it.
type Overlay struct{ Dir, Lower string }

// Place says where the container's processes are counted. The directory itself comes as
// a descriptor.
type Place struct {
	// Cgroup is the container's cgroup directory on the host, "" for none.
	Cgroup string
	// Scope is the systemd unit, "" where rc made the directory itself.
	Scope string
}

func (p *Plan) fields(c *wire.Coder) {
	c.Text(&p.ID)
	c.Text(&p.Name)
	c.Text(&p.Records.Data)
	c.Text(&p.Records.Run)
	wire.List(c, &p.Rootfs.Lower, (*wire.Coder).Text)
	c.Text(&p.Rootfs.Path)
	c.Flag(&p.Rootfs.Overlay)
	c.Text(&p.Rootfs.MountProgram)
	c.Flag(&p.Rootfs.Volatile)
	c.Text(&p.Skeleton)
	wire.List(c, &p.Overlays, func(c *wire.Coder, o *Overlay) { c.Text(&o.Dir); c.Text(&o.Lower) })
	c.Flag(&p.Remove)
	wire.Number(c, &p.StopSignal)
	wire.Number(c, &p.StopTimeout)
	wire.Number(c, &p.Timeout)
	c.Text(&p.NetHelper)
	c.Block((*[]byte)(&p.NetConfig))
	p.Place.fields(c)
}

func (p *Place) fields(c *wire.Coder) {
	c.Text(&p.Cgroup)
	c.Text(&p.Scope)
}

// failure is an error on its way through the socket.
type failure struct {
	text string
	hint string
	code int
}

func (f *failure) fields(c *wire.Coder) {
	c.Text(&f.text)
	c.Text(&f.hint)
	wire.Number(c, &f.code)
}

func (f *failure) err() error {
	err := errs.WithCode(errors.New(f.text), f.code)
	if f.hint != "" {
		err = errs.WithHint(err, f.hint)
	}
	return err
}

// encode makes a message.
func encode(kind byte, fields func(*wire.Coder)) []byte {
	c := wire.NewWriter([]byte{kind})
	fields(c)
	return c.Bytes()
}

// decode reads what encode made, without its first byte.
func decode(data []byte, fields func(*wire.Coder)) error {
	c := wire.NewReader(data)
	fields(c)
	if err := c.Err(); err != nil {
		return fmt.Errorf("shim message: %w", err)
	}
	return nil
}

func encodeFailure(err error) []byte {
	const room = messageLimit / 4
	f := failure{text: err.Error(), hint: errs.Hint(err), code: errs.Code(err)}
	f.text, f.hint = f.text[:min(len(f.text), room)], f.hint[:min(len(f.hint), room)]
	return encode(msgError, f.fields)
}

func number(n *int) func(*wire.Coder) {
	return func(c *wire.Coder) { wire.Number(c, n) }
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

// SendPlan gives the shim its plan.
func (c *Client) SendPlan(p *Plan) error {
	order, err := linux.SealedMemfd("order", p.Order)
	if err != nil {
		return err
	}
	defer order.Close()
	return c.send(encode(msgPlan, p.fields), order)
}

// SendPlace follows the plan where the shim was told to wait for it; cgroup is the
// directory that it names, nil for none.
func (c *Client) SendPlace(p Place, cgroup *os.File) error {
	if cgroup == nil {
		return c.send(encode(msgPlace, p.fields))
	}
	return c.send(encode(msgPlace, p.fields), cgroup)
}

// Go lets the command run, once the container is on record. It follows the plan, and the
// place where there is one.
func (c *Client) Go() error { return c.send([]byte{msgGo}) }

// Signal hands a signal to the container's first process.
func (c *Client) Signal(sig unix.Signal) error {
	n := int(sig)
	return c.send(encode(msgSignal, number(&n)))
}

// send lets the shim's last words be the error where it has ended: Started finds them.
func (c *Client) send(data []byte, files ...*os.File) error {
	err := linux.Send(c.sock, data, files...)
	if errors.Is(err, unix.EPIPE) {
		if _, _, said := c.next(); said != nil {
			return said
		}
	}
	return err
}

// Started waits until the container's command runs and gives its pid. The file is the
// terminal's master where the container has a terminal, and the caller's to close.
func (c *Client) Started() (pid int, master *os.File, err error) {
	data, files, err := c.next()
	if err != nil {
		return 0, nil, err
	}
	if data[0] != msgStarted {
		return 0, nil, fmt.Errorf("shim: unexpected message %q before the start", data[0])
	}
	if len(files) > 0 {
		master = files[0]
	}
	return pid, master, decode(data[1:], number(&pid))
}

// Exited waits for the container's end and gives the exit code.
func (c *Client) Exited() (code int, err error) {
	data, _, err := c.next()
	if err != nil {
		return 0, err
	}
	if data[0] != msgExited {
		return 0, fmt.Errorf("shim: unexpected message %q after the start", data[0])
	}
	return code, decode(data[1:], number(&code))
}

// next is the shim's next message; its errors are errors here.
func (c *Client) next() ([]byte, []*os.File, error) {
	data, files, err := linux.Receive(c.sock, messageLimit)
	if err != nil {
		return nil, nil, fmt.Errorf("the container's shim is gone: %w", err)
	}
	if data[0] != msgError {
		return data, files, nil
	}
	var f failure
	if err := decode(data[1:], f.fields); err != nil {
		return nil, nil, err
	}
	return nil, nil, f.err()
}
