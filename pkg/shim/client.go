package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

// Client is rc's end of a socket to a shim: of the one that it started, or of ctl.sock.
type Client struct {
	sock *os.File
	// Phases are those of a start, once Next has told that the command runs, where the plan wanted them.
	Phases []Phase
}

// NewClient speaks over sock, which becomes the client's.
func NewClient(sock *os.File) *Client { return &Client{sock: sock} }

// Dial connects to the shim of a container that runs; runDir is its runtime directory. Each
// client is for one request. errs.ErrState says that the container does not run.
func Dial(runDir string) (*Client, error) {
	dir, err := os.OpenFile(runDir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNotRunning()
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	sock, err := linux.Dial(dir, controlName)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, errNotRunning()
	}
	if err != nil {
		return nil, fmt.Errorf("container's shim: %w", err)
	}
	return NewClient(sock), nil
}

// Close ends the conversation. The shim of a container that this rc has started, and not
// detached from, then stops it.
func (c *Client) Close() error { return c.sock.Close() }

// Shutdown ends the conversation as Close does, and wakes whoever waits for an answer. It
// may be called from any goroutine, more than once.
func (c *Client) Shutdown() { _ = unix.Shutdown(int(c.sock.Fd()), unix.SHUT_RDWR) }

// SendPlan gives the shim its plan.
func (c *Client) SendPlan(p *Plan) error {
	var files []*os.File
	defer func() { closeAll(files) }()
	for _, order := range [][]byte{p.Order, p.HealthOrder, p.StartupOrder} {
		if len(order) == 0 {
			continue
		}
		file, err := linux.SealedMemfd("order", order)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	return c.send(encode(msgPlan, p.fields), files...)
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
// place where there is one. To ctl.sock it is the word for a container that is initialized.
func (c *Client) Go() error { return c.send([]byte{msgGo}) }

// Signal hands a signal to the process that was started, or attached to.
func (c *Client) Signal(sig unix.Signal) error {
	n := int(sig)
	return c.send(encode(msgSignal, number(&n)))
}

// Detach tells the shim that this rc goes and its container, or process, stays. The owner of a
// container waits for Detached before it goes. Where the shim has gone already, since what it
// looked after has ended, there is nothing to detach from: that is no error.
func (c *Client) Detach() error {
	err := linux.Send(c.sock, []byte{msgDetach})
	if errors.Is(err, unix.EPIPE) {
		return nil
	}
	return err
}

// EOF says that nothing more comes for the container's standard input.
func (c *Client) EOF() error { return c.send([]byte{msgEOF}) }

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

// Event is what the shim tells who has started something.
type Event struct {
	// Exited says that it has ended, with Code; Detached, that the shim has let go. Else a
	// command runs: PID is its pid on the host.
	Exited, Detached bool
	Code, PID        int
	// OOM says, to the owner, that the kernel's out-of-memory killer struck in the container's cgroup.
	OOM bool
	// Unwritten says why not all that was printed could be written to the caller's streams.
	Unwritten string
	// Input is what to write to: the master of the terminal where Terminal is set, else of a pipe
	// that is the standard input; nil for neither. It is the caller's to close.
	Input    *os.File
	Terminal bool
}

// Next waits for the next event.
func (c *Client) Next() (Event, error) {
	data, files, err := c.next()
	if err == nil && data[0] == msgPhases {
		if err = decode(data[1:], (*phases)(&c.Phases).fields); err == nil {
			data, files, err = c.next()
		}
	}
	if err != nil {
		return Event{}, err
	}
	switch data[0] {
	case msgStarted:
		var s started
		if err := decode(data[1:], s.fields); err != nil {
			return Event{}, err
		}
		e := Event{PID: s.PID, Terminal: s.Terminal}
		if len(files) > 0 {
			e.Input = files[0]
		}
		return e, nil
	case msgExited:
		var x exited
		err := decode(data[1:], x.fields)
		return Event{Exited: true, Code: x.Code, OOM: x.OOM, Unwritten: x.Unwritten}, err
	case msgDone:
		return Event{Detached: true}, nil
	}
	return Event{}, fmt.Errorf("shim: unexpected message %q", data[0])
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

// answerTime is what a shim has for its first answer; one that was stopped (SIGSTOP) would
// not answer at all.
const answerTime = 30 * time.Second

// ErrNoAnswer says that a shim is there and does not answer.
var ErrNoAnswer = errors.New("its shim does not answer")

// first is Next with a limit to the wait.
func (c *Client) first() (Event, error) {
	fds := []unix.PollFd{{Fd: int32(c.sock.Fd()), Events: unix.POLLIN}}
	for end := time.Now().Add(answerTime); ; {
		n, err := unix.Poll(fds, int(max(time.Until(end), 0).Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return Event{}, fmt.Errorf("poll: %w", err)
		case n == 0:
			return Event{}, ErrNoAnswer
		}
		return c.Next()
	}
}

// Watch asks to be told of the container's end, by Next.
func (c *Client) Watch() error {
	if err := c.send([]byte{msgWatch}); err != nil {
		return err
	}
	_, err := c.first()
	return err
}

// ThawLater has the shim let the container go on should this process be killed while it has it frozen. Detach,
// then Close, take that back.
func (c *Client) ThawLater() error {
	if err := c.send([]byte{msgThaw}); err != nil {
		return err
	}
	_, err := c.first()
	return err
}

// Release lets the command of a container run that is initialized.
func (c *Client) Release() error {
	if err := c.Go(); err != nil {
		return err
	}
	_, err := c.first()
	return err
}

// Attach has the shim write what the container prints to out and err, each of which may be
// nil; the files stay the caller's. With stdin the event's Input is the container's standard
// input, where that is open. The next event is the end of the container.
func (c *Client) Attach(stdin bool, out, err *os.File) (Event, error) {
	req := attachRequest{Stdin: stdin, Stdout: out != nil, Stderr: err != nil}
	var files []*os.File
	for _, f := range []*os.File{out, err} {
		if f != nil {
			files = append(files, f)
		}
	}
	if err := c.send(encode(msgAttach, req.fields), files...); err != nil {
		return Event{}, err
	}
	return c.first()
}

// Exec is a process to be started in a container.
type Exec struct {
	ID     string // of the session: 64 hex digits
	Stdio  [3]*os.File
	Extra  []*os.File // 3 and on
	Detach bool       // it lives on without us
	// Terminal says that its order will ask for one.
	Terminal bool
}

// Exec has the shim make a process, whose program starts while the caller makes its order.
// ExecOrder follows, or Close, which takes it back.
func (c *Client) Exec(e Exec) error {
	req := execRequest{ID: e.ID, Extra: len(e.Extra), Detach: e.Detach, Terminal: e.Terminal}
	var files []*os.File
	for n, f := range e.Stdio {
		if req.Stdio[n] = f != nil; f != nil {
			files = append(files, f)
		}
	}
	return c.send(encode(msgExec, req.fields), append(files, e.Extra...)...)
}

// ExecOrder tells the process what to do: pkg/oci's order, of a process that is Inside. It
// returns when that executes its command. The next event is its end, but with Detach. Errors
// carry the exit codes of rc exec (errs.Code).
func (c *Client) ExecOrder(order []byte) (Event, error) {
	file, err := linux.SealedMemfd("order", order)
	if err != nil {
		return Event{}, err
	}
	defer file.Close()
	if err := c.send([]byte{msgOrder}, file); err != nil {
		return Event{}, err
	}
	return c.first()
}

// CheckHealth has the shim run the container's healthcheck now, and waits for its result.
func (c *Client) CheckHealth() (*spec.HealthResult, error) {
	if err := c.send([]byte{msgHealth}); err != nil {
		return nil, err
	}
	data, _, err := c.next()
	if err != nil {
		return nil, err
	}
	if data[0] != msgHealth {
		return nil, fmt.Errorf("shim: unexpected message %q", data[0])
	}
	var r spec.HealthResult
	if err := json.Unmarshal(data[1:], &r); err != nil {
		return nil, fmt.Errorf("shim message: %w", err)
	}
	return &r, nil
}
