package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/record"
)

// netHelper is rc-net at work for one container.
type netHelper struct {
	pid     int
	program int // what it has started to do the work, 0 for none
	began   time.Time
	sock    *os.File    // until conn takes its place, when the command runs
	conn    *linux.Conn // nil before
}

// netAnswer is a message of rc-net's: pkg/network's Answer.
type netAnswer struct {
	Ready   bool            `json:"ready"`
	Program int             `json:"program"`
	Link    json.RawMessage `json:"link"`
	Lost    string          `json:"lost"`
	Error   string          `json:"error"`
	Hint    string          `json:"hint"`
}

// netState is what becomes network.json: a spec.NetworkState.
type netState struct {
	restarts  int
	failures  int // in a row
	lastError string
	down      bool
	link      json.RawMessage
}

func (n *netState) JSON() []byte {
	var o record.Object
	o.Number("restarts", int64(n.restarts), false)
	o.TextIfAny("lastError", n.lastError)
	o.Flag("down", n.down)
	if len(n.link) > 0 {
		o.Raw("link", n.link)
	}
	return o.JSON()
}

// startNetwork starts rc-net or rc-bridge for the network namespace of process pid. The protocol is
// pkg/network's: descriptor 3 is the socket, 4 the namespace, 5, for rc-bridge, that of the bridges;
// the configuration is the first message.
func startNetwork(path string, config json.RawMessage, pid int, hub *os.File) (*netHelper, error) {
	ns, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/net")
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	defer ns.Close()
	ours, theirs, err := linux.SocketPair()
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	defer theirs.Close()
	files := []uintptr{0, 0, 0, theirs.Fd(), ns.Fd()} // the shim's 0 is /dev/null
	if hub != nil {
		files = append(files, hub.Fd())
	}
	proc, err := syscall.ForkExec(path, []string{filepath.Base(path)}, &syscall.ProcAttr{Env: os.Environ(), Files: files})
	if err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("start %q: %w", path, err)
	}
	_ = theirs.Close()
	h := &netHelper{pid: proc, sock: ours, began: time.Now()}
	if err := linux.Send(h.sock, config); err != nil {
		h.stop()
		return nil, fmt.Errorf("network helper: %w", err)
	}
	return h, nil
}

// awaitNetwork waits for the network, where there is one.
func (s *server) awaitNetwork() error {
	if s.helper == nil {
		return nil
	}
	data, _, err := linux.Receive(s.helper.sock, messageLimit)
	if err != nil {
		return fmt.Errorf("network helper is gone: %w", err)
	}
	var answer netAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("network helper: %w", err)
	}
	if answer.Error != "" {
		return (&failure{text: answer.Error, hint: answer.Hint, code: errs.CodeError}).err()
	}
	if !answer.Ready {
		return errors.New("network helper: neither ready nor an error")
	}
	s.net = netState{link: answer.Link}
	s.helper.program = answer.Program
	return s.plan.Records.WriteNetwork(s.plan.ID, s.net.JSON())
}

// watchNetwork listens to the helper from now on.
func (s *server) watchNetwork() {
	h := s.helper
	if h == nil || h.conn != nil {
		return
	}
	var err error
	if h.conn, err = linux.NewConn(h.sock); err != nil {
		complain(err)
		return
	}
	go func() {
		for {
			data, files, err := h.conn.Receive(messageLimit)
			closeAll(files)
			var answer netAnswer
			if err == nil {
				err = json.Unmarshal(data, &answer)
			}
			gone := err != nil
			s.do(func() {
				switch {
				case s.helper != h: // stopped meanwhile
				case gone:
					s.networkGone()
				default:
					s.networkChanged(&answer)
				}
			})
			if gone {
				return
			}
		}
	}()
}

// networkChanged notes what the helper says of its program.
func (s *server) networkChanged(answer *netAnswer) {
	switch {
	case answer.Ready:
		s.helper.program = answer.Program
		s.net.link, s.net.down = answer.Link, false
		s.net.restarts++
		s.emit("network_restored", nil)
	case answer.Lost != "":
		s.lostNetwork(answer.Lost)
	default:
		s.net.down = true
		s.lostNetwork(answer.Error)
	}
	complain(s.plan.Records.WriteNetwork(s.plan.ID, s.net.JSON()))
}

func (s *server) lostNetwork(why string) {
	if s.net.lastError == why && s.net.down {
		return // told
	}
	s.net.lastError = why
	s.emit("network_lost", map[string]string{"error": why})
}

// A helper that was killed is replaced, unless that happens again and again.
const (
	helperSoon  = 10 * time.Second
	helperTries = 5
	helperPause = 50 * time.Millisecond
)

// networkGone starts another helper in place of one that is gone without a word. One that
// gave up is not replaced.
func (s *server) networkGone() {
	h := s.helper
	h.end()
	s.helper = nil
	if s.net.down {
		return
	}
	if time.Since(h.began) > helperSoon {
		s.net.failures = 0
	}
	s.net.failures++
	s.net.down = s.net.failures > helperTries
	s.lostNetwork(filepath.Base(s.plan.NetHelper) + " was killed")
	complain(s.plan.Records.WriteNetwork(s.plan.ID, s.net.JSON()))
	if s.net.down {
		return
	}
	life := s.proc
	time.AfterFunc(helperPause<<s.net.failures, func() {
		s.do(func() {
			if s.helper != nil || s.proc != life || s.state.PID == 0 {
				return // the container has ended
			}
			if err := s.connect(); err != nil {
				s.net.down = true
				s.lostNetwork(err.Error())
				complain(s.plan.Records.WriteNetwork(s.plan.ID, s.net.JSON()))
				return
			}
			s.watchNetwork()
		})
	})
}

// is tells whether pid is the helper's; a nil helper is nobody.
func (h *netHelper) is(pid int) bool { return h != nil && (h.pid == pid || h.program == pid) }

// stop ends the helper. It is asked by the end of the socket, not killed: pasta takes off
// the signal that it is to get at its parent's death, so rc-net has to end it.
func (h *netHelper) stop() {
	h.hangUp()
	_, _ = unix.Wait4(h.pid, nil, 0, nil)
}

// end is for a helper that is gone: its program may not be.
func (h *netHelper) end() {
	h.hangUp()
	_, _ = unix.Wait4(h.pid, nil, 0, nil)
	if h.program != 0 {
		_ = unix.Kill(h.program, unix.SIGKILL)
		_, _ = unix.Wait4(h.program, nil, 0, nil)
	}
}

func (h *netHelper) hangUp() {
	if h.conn != nil {
		h.conn.Shutdown() // before its end is waited for
		_ = h.conn.Close()
		return
	}
	_ = h.sock.Close()
}

// connect starts the network helper, where there is a network.
func (s *server) connect() error {
	if s.plan.NetHelper == "" {
		return nil
	}
	var err error
	s.helper, err = startNetwork(s.plan.NetHelper, s.plan.NetConfig, s.proc.PID, s.birth.Hub)
	return err
}
