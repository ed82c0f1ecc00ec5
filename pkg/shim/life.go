package shim

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/linux"
	"github.com/rc-containers/rc/pkg/oci"
	"github.com/rc-containers/rc/pkg/spec"
)

// ending is why a life ends, and how far that has come. It is the main goroutine's.
type ending struct {
	reason  string
	final   bool             // no other life follows
	again   bool             // another one follows, whatever the policy says
	killing <-chan time.Time // when SIGKILL is due
}

// live stays until the container's command has ended, and does what is asked meanwhile.
func (s *server) live(ctx context.Context) *spec.Exit {
	ended := make(chan int, 1)
	go awaitProcess(s.proc, ended)
	var deadline <-chan time.Time
	if s.plan.Timeout > 0 {
		deadline = time.After(time.Duration(s.plan.Timeout) * time.Second)
	}
	var orphans <-chan time.Time
	if !ownPIDs() {
		ticker := time.NewTicker(reapEvery)
		defer ticker.Stop()
		orphans = ticker.C
	}
	s.startChecks()
	defer s.stopChecks()
	for {
		select {
		case code := <-ended:
			s.endOrphans(ctx) // they may hold the pipes that are read to their end
			s.finishOutput()
			return s.exitOf(code)
		case call := <-s.calls:
			call()
		case <-s.terminated:
			s.stop("stopped by SIGTERM to its shim")
		case <-deadline:
			s.end.reason = "stopped: --timeout " + strconv.FormatUint(uint64(s.plan.Timeout), 10) + " was over"
			_ = s.proc.Kill()
		case <-s.end.killing:
			_ = s.proc.Kill()
		case <-orphans:
			s.reapOrphans()
		case <-s.checks.due:
			s.check(ctx)
		}
	}
}

func awaitProcess(p *oci.Process, ended chan<- int) {
	complain(linux.PidfdAwait(p.Pidfd))
	code, err := p.Wait()
	complain(err)
	ended <- code
}

func (s *server) exitOf(code int) *spec.Exit {
	exit := &spec.Exit{
		Code: code, Started: s.state.Started, Finished: time.Now(), PID: s.state.PID, Error: s.end.reason,
		Restarts: s.state.Restarts, OOMKilled: code == errs.CodeSignal+int(unix.SIGKILL) && s.oomKilled(),
	}
	if !s.plan.Remove || s.plan.Notify.Main { // no record says it, but a unit's result does
		exit.Stopped = s.plan.Records.StopMarked(s.plan.ID)
	}
	return exit
}

// stop asks the container to end, and sees to it that it does. No other life follows.
func (s *server) stop(reason string) {
	s.end.reason, s.end.final = reason, true
	s.askToEnd()
}

func (s *server) askToEnd() {
	s.signal(unix.Signal(s.plan.StopSignal))
	s.end.killing = time.After(time.Duration(s.plan.StopTimeout) * time.Second)
}

// signalLimit is what a message after the start may be long: its buffer stays for the
// shim's life.
const signalLimit = 64

// listenToOwner takes what the rc says that started the container, until it has detached or
// is gone. In the latter case the container is stopped.
func (s *server) listenToOwner() {
	for {
		data, files, err := s.owner.Receive(signalLimit)
		if err != nil {
			s.do(func() {
				s.dismissOwner()
				s.hangUpConsole()
				s.stop("stopped: rc was gone")
			})
			return
		}
		closeAll(files)
		switch data[0] {
		case msgDetach:
			s.do(s.dismissOwner)
			_ = s.owner.Send([]byte{msgDone})
			return
		case msgSignal:
			n := 0
			if decode(data[1:], number(&n)) == nil {
				s.do(func() { s.signal(unix.Signal(n)) })
			}
		}
	}
}

// dismissOwner lets go of everything that is rc's.
func (s *server) dismissOwner() {
	s.ownerHere = false
	s.output.detach()
	for i, f := range s.birth.Stdio {
		if f != nil && s.birth.Output != Direct {
			_ = f.Close()
			s.birth.Stdio[i] = nil
		}
	}
	_ = unix.Dup2(0, 2) // standard error was rc's
}

// heedSIGTERM makes SIGTERM, which systemd sends to all of a scope, a way to stop the
// container by its own stop signal.
func (s *server) heedSIGTERM() {
	s.terminated = make(chan os.Signal, 1)
	signal.Notify(s.terminated, unix.SIGTERM)
}

func (s *server) signal(sig unix.Signal) {
	if s.state.PID != 0 {
		_ = s.proc.Signal(sig)
	}
}

// oomKilled asks the container's cgroup whether the out-of-memory killer was there.
func (s *server) oomKilled() bool {
	if s.cgroup == nil {
		return false
	}
	killed, err := cgroup.OOMKilled(s.cgroup)
	complain(err)
	return killed
}

// tellWatchers ends the wait of everybody who waits for the end of this life.
func (s *server) tellWatchers(code int) {
	for _, w := range s.watchers {
		w <- code
	}
	s.watchers = nil
}
