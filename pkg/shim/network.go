package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
)

// netHelper is rc-net at work for one container.
type netHelper struct {
	pid  int
	sock *os.File
}

// startNetwork starts rc-net for the network namespace of process pid; await waits until
// the network is up. The protocol is cmd/rc-net's: descriptor 3 is the socket, 4 the
// namespace, the configuration is the first message, {"ready":true} or {"error":…} the answer.
func startNetwork(path string, config json.RawMessage, pid int) (*netHelper, error) {
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
	proc, err := syscall.ForkExec(path, []string{"rc-net"}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 0, 0, theirs.Fd(), ns.Fd()}, // the shim's 0 is /dev/null
	})
	if err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("start %q: %w", path, err)
	}
	_ = theirs.Close()
	h := &netHelper{pid: proc, sock: ours}
	if err := linux.Send(h.sock, config); err != nil {
		h.stop()
		return nil, fmt.Errorf("network helper: %w", err)
	}
	return h, nil
}

// await waits for the network; a nil helper has none to wait for.
func (h *netHelper) await() error {
	if h == nil {
		return nil
	}
	data, _, err := linux.Receive(h.sock, messageLimit)
	if err != nil {
		return fmt.Errorf("network helper is gone: %w", err)
	}
	var answer struct {
		Ready bool   `json:"ready"`
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("network helper: %w", err)
	}
	if answer.Error != "" {
		return (&failure{text: answer.Error, hint: answer.Hint, code: errs.CodeError}).err()
	}
	if !answer.Ready {
		return errors.New("network helper: neither ready nor an error")
	}
	return nil
}

// is tells whether pid is the helper's; a nil helper is nobody.
func (h *netHelper) is(pid int) bool { return h != nil && h.pid == pid }

// stop ends the helper. It is asked by the end of the socket, not killed: pasta takes off
// the signal that it is to get at its parent's death, so rc-net has to end it.
func (h *netHelper) stop() {
	_ = h.sock.Close()
	_, _ = unix.Wait4(h.pid, nil, 0, nil)
}
