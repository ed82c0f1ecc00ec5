package runner

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/errs"
)

// keyAgent is an rc-image that holds keys. It speaks to one at a time.
type keyAgent struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	sock net.Conn
}

// startKeys starts an agent for each --ssh with keys.
func (r *Runner) startKeys() error {
	r.keys = map[string]*keyAgent{}
	for _, id := range slices.Sorted(maps.Keys(r.o.SSH)) {
		if keys := r.o.SSH[id].Keys; len(keys) > 0 {
			var err error
			if r.keys[id], err = startKeyAgent(keys); err != nil {
				delete(r.keys, id)
				return errors.Join(fmt.Errorf("--ssh %s: %w", id, err), r.Close())
			}
		}
	}
	return nil
}

func startKeyAgent(keys []string) (*keyAgent, error) {
	path, err := config.Program("rc-image")
	if err != nil {
		return nil, err
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "agent"), os.NewFile(uintptr(fds[1]), "agent")
	defer ours.Close()
	defer theirs.Close()
	a := &keyAgent{cmd: exec.Command(path, append([]string{build.AgentWord}, keys...)...)}
	if a.sock, err = net.FileConn(ours); err != nil {
		return nil, err
	}
	a.cmd.ExtraFiles = []*os.File{theirs}
	if err := a.cmd.Start(); err != nil {
		return nil, errors.Join(err, a.sock.Close())
	}
	_ = theirs.Close() // its end shows
	text, err := readMessage(a.sock)
	if err == nil && len(text) > 4 {
		err = errs.Invalidf("%s", text[4:])
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// forward is the function of that name.
func (a *keyAgent) forward(conn io.ReadWriter) error {
	request, err := readMessage(conn)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return answer(conn, a.sock, request)
}

func (a *keyAgent) close() {
	_ = a.sock.Close()
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}
