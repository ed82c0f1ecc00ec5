package runner

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/build"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/shim"
	"github.com/rc-containers/rc/pkg/spec"
)

// SSH is a --ssh: the socket of an agent, or private keys.
type SSH struct {
	Socket string
	// Raw hands on everything: Socket need not be an agent's.
	Raw bool
	// Keys are files, for which an agent is started.
	Keys []string
}

// ParseSSH reads --ssh: default, ID, ID=SOCKET[,raw=true] or ID=KEY[,KEY]. Without a path it is the socket that SSH_AUTH_SOCK
// names. dir is what a path is relative to.
func ParseSSH(value, dir string) (id string, s SSH, err error) {
	id, rest, _ := strings.Cut(value, "=")
	if id == "" {
		return "", s, errs.Invalidf("--ssh %q: want default, ID=SOCKET or ID=KEY", value)
	}
	var paths []string
	for field := range strings.SplitSeq(rest, ",") {
		switch key, val, found := strings.Cut(field, "="); {
		case field == "":
		case found && key == "raw":
			if s.Raw, err = strconv.ParseBool(val); err != nil {
				return "", s, errs.Invalidf("--ssh %q: raw=%q: want true or false", value, val)
			}
		default:
			paths = append(paths, field)
		}
	}
	if len(paths) == 0 {
		if paths = []string{os.Getenv("SSH_AUTH_SOCK")}; paths[0] == "" {
			return "", s, errs.WithHint(errs.Invalidf("--ssh %q: no agent runs: SSH_AUTH_SOCK is not set", value),
				`eval "$(ssh-agent)"; ssh-add, or --ssh `+id+"=FILE with a private key")
		}
	}
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			p = filepath.Join(dir, p)
		}
		info, err := os.Stat(p)
		switch {
		case err != nil:
			return "", s, fmt.Errorf("--ssh %q: %w", value, err)
		case info.Mode()&os.ModeSocket != 0:
			s.Socket = p
		case info.Mode().IsRegular():
			s.Keys = append(s.Keys, p)
		default:
			return "", s, errs.Invalidf("--ssh %q: %q is neither a socket nor a file", value, p)
		}
	}
	if s.Socket != "" && len(paths) > 1 {
		return "", s, errs.Invalidf("--ssh %q: want one socket, or keys", value)
	}
	if s.Raw && s.Socket == "" {
		return "", s, errs.Invalidf("--ssh %q: raw=true wants a socket", value)
	}
	return id, s, nil
}

// ssh gives the step a way to an agent.
func (m *mounts) ssh(_ context.Context, n int, mount build.Mount) error {
	id := mount.ID
	if id == "" {
		id = "default"
	}
	s, given := m.runner.o.SSH[id]
	if !given {
		if !mount.Required {
			return nil
		}
		return errs.WithHint(fmt.Errorf("agent %q: %w: the step requires it", id, errs.ErrNotFound), "rc build --ssh "+id)
	}
	target := mount.Target
	if target == "" {
		target = "/run/buildkit/ssh_agent." + strconv.Itoa(len(m.agents))
	}
	dir, err := m.dir()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "ssh-"+strconv.Itoa(n))
	a, err := serveAgent(path, s, m.runner.keys[id])
	if err != nil {
		return fmt.Errorf("agent %q: %w", id, err)
	}
	m.agents = append(m.agents, a)
	owner := shim.Owner{Path: path, UID: mount.UID, GID: mount.GID, Mode: 0o600}
	if mount.Mode != nil {
		owner.Mode = *mount.Mode
	}
	m.step.Owners = append(m.step.Owners, owner)
	m.put(specs.Mount{Type: "bind", Source: path, Destination: target, Options: []string{"bind", "rprivate", "nosuid", "nodev", "noexec"}})
	if _, set := spec.EnvValue(m.step.Options.Env.Set, agentVariable); !set && len(m.agents) == 1 {
		m.step.Options.Env.Set = append(slices.Clip(m.step.Options.Env.Set), agentVariable+"="+target)
	}
	return nil
}

const agentVariable = "SSH_AUTH_SOCK"

// agentSocket is a socket of ours that leads to an agent.
type agentSocket struct {
	listener net.Listener
	to       SSH
	keys     *keyAgent // nil for a socket

	mu    sync.Mutex
	conns map[net.Conn]bool // nil once it is closed
}

func serveAgent(path string, to SSH, keys *keyAgent) (*agentSocket, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	a := &agentSocket{listener: l, to: to, keys: keys, conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go a.serve(conn)
		}
	}()
	return a, nil
}

// close ends what is under way, too.
func (a *agentSocket) close() {
	_ = a.listener.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	for c := range a.conns {
		_ = c.Close()
	}
	a.conns = nil
}

// keep notes a connection; false says that it is too late.
func (a *agentSocket) keep(c net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		_ = c.Close()
		return false
	}
	a.conns[c] = true
	return true
}

func (a *agentSocket) drop(c net.Conn) {
	_ = c.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
}

func (a *agentSocket) serve(conn net.Conn) {
	if !a.keep(conn) {
		return
	}
	defer a.drop(conn)
	if a.keys != nil {
		for a.keys.forward(conn) == nil {
		}
		return
	}
	agent, err := net.Dial("unix", a.to.Socket)
	if err != nil || !a.keep(agent) {
		return
	}
	defer a.drop(agent)
	if a.to.Raw {
		go func() {
			_, _ = io.Copy(agent, conn)
			_ = agent.(*net.UnixConn).CloseWrite()
		}()
		_, _ = io.Copy(conn, agent)
		return
	}
	for forward(conn, agent) == nil {
	}
}

// Messages of an agent, draft-ietf-sshm-ssh-agent, that a build may send: it uses keys, and changes none.
const (
	agentFailure  = 5
	agentList     = 11 // SSH_AGENTC_REQUEST_IDENTITIES
	agentSign     = 13 // SSH_AGENTC_SIGN_REQUEST
	agentExtended = 27 // SSH_AGENTC_EXTENSION: session-bind@openssh.com
	// agentLimit is OpenSSH's, in bytes (AGENT_MAX_LEN).
	agentLimit = 256 << 10
)

// forward hands one request on, and its answer back.
func forward(conn, agent io.ReadWriter) error {
	request, err := readMessage(conn)
	if err != nil {
		return err
	}
	return answer(conn, agent, request)
}

// answer is the rest of forward. What a build may not ask for fails.
func answer(conn, agent io.ReadWriter, request []byte) error {
	if len(request) == 4 || !slices.Contains([]byte{agentList, agentSign, agentExtended}, request[4]) {
		_, err := conn.Write([]byte{0, 0, 0, 1, agentFailure})
		return err
	}
	if _, err := agent.Write(request); err != nil {
		return err
	}
	answer, err := readMessage(agent)
	if err != nil {
		return err
	}
	_, err = conn.Write(answer)
	return err
}

// readMessage reads a message with its length, four bytes.
func readMessage(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > agentLimit {
		return nil, errors.New("message of an agent: too long")
	}
	message := make([]byte, 4+n)
	copy(message, length[:])
	_, err := io.ReadFull(r, message[4:])
	return message, err
}
