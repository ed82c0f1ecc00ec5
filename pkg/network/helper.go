package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/spec"
)

const (
	// planLimit is more than any plan: the longest are pasta's options.
	planLimit = 64 << 10
	// outputLimit is how much of a program's last words is kept.
	outputLimit = 4 << 10
	// readyWithin is how long a program may take: a hundred times what it takes.
	readyWithin = 10 * time.Second
	tunPath     = "/dev/net/tun"
)

// Serve is rc-net's work: it reads the plan from sock, starts the program for the network
// namespace, answers, and stays until the peer of sock ends. A program that ends before is
// started anew. It returns the exit code. The calling goroutine must be the main one, locked to
// the main thread: the program dies with the thread that started it.
func Serve(sock, netns *os.File) int {
	runtime.GOMAXPROCS(1) // one thread waits: a second one would only cost memory
	plan, err := receivePlan(sock)
	if err != nil {
		return fail(sock, err)
	}
	s := &server{sock: sock, netns: netns, plan: plan, follower: follow(plan.Resolver, plan.Dir)}
	if err := s.prepare(); err != nil {
		return fail(sock, err)
	}
	for {
		began := time.Now()
		gone, err := s.connect()
		if gone {
			return 0
		}
		if err != nil {
			if s.ready && s.again(began) {
				continue
			}
			return fail(sock, err)
		}
		if send(sock, s.answer()) != nil {
			s.program.stop()
			return 0
		}
		s.ready = true
		if s.program.watch(sock, s.follower) {
			s.program.stop()
			return 0
		}
		err = s.program.ended()
		s.program.stop()
		if send(sock, Answer{Lost: err.Error(), Hint: errs.Hint(err)}) != nil || !s.again(began) {
			return fail(sock, err)
		}
	}
}

// server is rc-net at work.
type server struct {
	sock, netns *os.File
	plan        Plan
	program     *program
	forwarder   *forwarder
	follower    *follower
	ready       bool // it was, once
	failures    int  // programs in a row that ended soon
}

// prepare goes where the program's socket is to be, and lets the port driver use as many
// processors as there are clients.
func (s *server) prepare() error {
	if s.plan.Dir == "" {
		return nil
	}
	if len(s.plan.Ports) > 0 && s.plan.Handler == handlerOwn {
		runtime.GOMAXPROCS(min(runtime.NumCPU(), forwardProcs))
	}
	return os.Chdir(s.plan.Dir)
}

// connect starts the program and, the first time, the port driver; gone says that the shim is.
func (s *server) connect() (gone bool, err error) {
	if s.program, err = start(s.plan, s.netns); err != nil {
		return false, err
	}
	gone, err = s.program.waitReady(s.sock)
	if err == nil && !gone {
		err = s.publish()
	}
	if err == nil && !gone && s.plan.Rate != nil {
		e := s.endpoint()
		err = limitRate(s.netns, e.Interface, s.plan.Rate)
	}
	if gone || err != nil {
		s.program.stop()
	}
	return gone, err
}

func (s *server) publish() error {
	switch {
	case len(s.plan.Ports) == 0:
		return nil
	case s.plan.Mode == ModeSlirp4netns && s.plan.Handler == handlerProgram:
		return addForwards(slirpSocket, s.plan.Ports)
	case s.plan.Handler != handlerOwn || s.forwarder != nil:
		return nil
	}
	target, err := netip.ParseAddr(s.plan.IP)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	s.forwarder, err = forward(s.plan.Ports, target, s.netns)
	return err
}

// A program that ends is started anew, unless it does so at once, again and again.
const (
	soon         = 10 * time.Second
	mostTries    = 5
	firstPause   = 50 * time.Millisecond
	forwardProcs = 4
)

// again waits a little before another try, and decides against one after several in vain. It
// is false where the shim is gone meanwhile, too.
func (s *server) again(began time.Time) bool {
	if time.Since(began) > soon {
		s.failures = 0
	}
	if s.failures++; s.failures > mostTries {
		return false
	}
	pause := firstPause << s.failures
	fds := []unix.PollFd{{Fd: int32(s.sock.Fd()), Events: unix.POLLIN}}
	n, pollErr := unix.Poll(fds, int(pause.Milliseconds()))
	return n == 0 || errors.Is(pollErr, unix.EINTR)
}

func (s *server) answer() Answer {
	return Answer{Ready: true, Program: s.program.proc.Pid, Link: &spec.Link{Endpoints: []spec.Endpoint{s.endpoint()}, DNS: s.plan.DNS, Ports: s.plan.Ports}}
}

// endpoint is the container's interface as the program has made it.
func (s *server) endpoint() spec.Endpoint {
	e := spec.Endpoint{Network: s.plan.Mode, Interface: s.plan.Interface, IP: s.plan.IP, Prefix: s.plan.Prefix, Gateway: s.plan.Gateway}
	observe(&e, s.netns)
	return e
}

func receivePlan(sock *os.File) (Plan, error) {
	var p Plan
	data, files, err := linux.Receive(sock, planLimit)
	if err != nil {
		return p, fmt.Errorf("network plan: %w", err)
	}
	for _, f := range files {
		_ = f.Close() // none is expected
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("network plan: %w", err)
	}
	return p, nil
}

func send(sock *os.File, a Answer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return linux.Send(sock, data)
}

// fail tells the shim; where it is gone, nobody wants to know.
func fail(sock *os.File, err error) int {
	_ = send(sock, Answer{Error: err.Error(), Hint: errs.Hint(err)}) // the last word
	return errs.CodeError
}

// program is slirp4netns or pasta at work.
type program struct {
	mode   string
	proc   *os.Process
	pidfd  int
	ready  *os.File
	output *os.File
}

// start executes the plan's program.
func start(plan Plan, netns *os.File) (*program, error) {
	if err := checkTun(tunPath); err != nil {
		return nil, err
	}
	readyR, readyW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", plan.Mode, err)
	}
	defer readyW.Close()
	outR, outW, err := outputPipe()
	if err != nil {
		_ = readyR.Close()
		return nil, fmt.Errorf("network %s: %w", plan.Mode, err)
	}
	defer outW.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		_ = readyR.Close()
		_ = outR.Close()
		return nil, fmt.Errorf("network %s: %w", plan.Mode, err)
	}
	defer null.Close()
	p := &program{mode: plan.Mode, pidfd: -1, ready: readyR, output: outR}
	p.proc, err = os.StartProcess(plan.Path, append([]string{plan.Mode}, plan.Args...), &os.ProcAttr{
		Files: []*os.File{null, outW, outW, netns, readyW},
		Sys:   &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, PidFD: &p.pidfd},
	})
	if err != nil {
		_ = readyR.Close()
		_ = outR.Close()
		return nil, fmt.Errorf("network %s: %w", plan.Mode, err)
	}
	return p, nil
}

// outputPipe is for a program's messages: what nobody reads is dropped once the pipe is
// full, so that a chatty program never blocks.
func outputPipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	// Behind os.File's back: its Fd would make a descriptor blocking again of which it knows
	// that it is not.
	for _, f := range []*os.File{r, w} {
		if err := unix.SetNonblock(int(f.Fd()), true); err != nil {
			return nil, nil, errors.Join(os.NewSyscallError("fcntl", err), r.Close(), w.Close())
		}
	}
	return r, w, nil
}

// Which end of waiting came first.
const (
	eventPeer = iota // the shim closed its end
	eventProgram
	eventReady
	eventTimeout
)

// poll waits for the shim's end of the socket, for the program's end and, where ready is
// given, for its readiness.
func (p *program) poll(sock, ready *os.File, timeout time.Duration) int {
	fds := []unix.PollFd{
		{Fd: int32(sock.Fd()), Events: unix.POLLIN},
		{Fd: int32(p.pidfd), Events: unix.POLLIN},
	}
	if ready != nil {
		fds = append(fds, unix.PollFd{Fd: int32(ready.Fd()), Events: unix.POLLIN})
	}
	deadline := time.Now().Add(timeout)
	for {
		wait := -1
		if timeout > 0 {
			wait = max(int(time.Until(deadline).Milliseconds()), 0)
		}
		n, err := unix.Poll(fds, wait)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || fds[0].Revents != 0:
			// Anything on the socket is its end: there is no second message.
			return eventPeer
		case n == 0:
			return eventTimeout
		case ready != nil && fds[2].Revents&unix.POLLIN != 0:
			return eventReady
		case fds[1].Revents != 0:
			return eventProgram
		case ready != nil: // the pipe is closed: the program is about to end
			fds[2].Fd = -1
		}
	}
}

// waitReady waits for the byte; gone says that the shim is.
func (p *program) waitReady(sock *os.File) (gone bool, err error) {
	defer p.ready.Close()
	switch p.poll(sock, p.ready, readyWithin) {
	case eventPeer:
		return true, nil
	case eventProgram:
		return false, p.ended()
	case eventTimeout:
		return false, fmt.Errorf("network %s: not ready after %v%s", p.mode, readyWithin, p.lastWords())
	}
	return false, nil
}

// watch waits for the program's end or, returning true, the shim's, and follows the host's
// resolv.conf meanwhile.
func (p *program) watch(sock *os.File, f *follower) bool {
	fds := []unix.PollFd{
		{Fd: int32(sock.Fd()), Events: unix.POLLIN},
		{Fd: int32(p.pidfd), Events: unix.POLLIN},
		{Fd: int32(f.inotify), Events: unix.POLLIN}, // -1 is passed over
	}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || fds[0].Revents != 0:
			return true
		case fds[1].Revents != 0:
			return false
		default:
			f.changed()
		}
	}
}

// ended explains why the program is no more.
func (p *program) ended() error {
	state, err := p.proc.Wait()
	how := "ended"
	if err == nil {
		how = "ended: " + state.String()
	}
	words := p.lastWords()
	err = fmt.Errorf("network %s: the program %s%s", p.mode, how, words)
	if p.mode == ModePasta && strings.Contains(words, "External interface not usable") {
		return errs.WithHint(err, "the host has no default route, which this version of pasta needs; --network slirp4netns does without")
	}
	return err
}

// lastWords are the last lines of what the program said.
func (p *program) lastWords() string {
	buf := make([]byte, outputLimit)
	n, err := unix.Read(int(p.output.Fd()), buf)
	if err != nil || n <= 0 {
		return ""
	}
	var lines []string
	for line := range strings.Lines(string(buf[:n])) {
		if line = strings.TrimSpace(line); line != "" && !chatter(line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return ": " + strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// chatter is what the programs say when all is well: slirp4netns of its options and descriptors,
// pasta of a system without a log.
func chatter(line string) bool {
	return strings.HasSuffix(line, "bytes to syslog") || strings.HasPrefix(line, "WARNING: Support for ") ||
		strings.HasPrefix(line, "received tapfd=") || strings.HasPrefix(line, "sent tapfd=")
}

// stop ends the program. It is not waited for: slirp4netns takes 20 ms to die, and init
// reaps what rc-net leaves behind.
func (p *program) stop() {
	_ = p.proc.Kill()
	_ = p.output.Close()
}

// checkTun finds out whether a tap device can be made, and what to do if not.
func checkTun(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_CLOEXEC, 0)
	if err == nil {
		return f.Close()
	}
	hint := "sudo modprobe tun"
	switch {
	case errors.Is(err, os.ErrPermission):
		hint = "sudo chmod 666 " + path + " (make demo does it too), or use --network none or --network host"
	case errors.Is(err, os.ErrNotExist):
		hint = "sudo modprobe tun; where that does not make the device: sudo mkdir -p /dev/net && " +
			"sudo mknod -m 666 " + path + " c 10 200 (make demo does it too)"
	}
	return errs.WithCheck(fmt.Errorf("network: %w", err), hint, "tun")
}
