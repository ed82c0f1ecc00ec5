package shim

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/cgroup"
	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// The wait before a container is started anew is doubled each time, up to a minute, and
// begins from the start after a life of some length: docker's figures.
const (
	firstBackoff = 100 * time.Millisecond
	longBackoff  = time.Minute
	goodLife     = 10 * time.Second
)

// backoff is the wait before the next life, after one that lasted lived.
func backoff(last, lived time.Duration) time.Duration {
	if last == 0 || lived >= goodLife {
		return firstBackoff
	}
	return min(2*last, longBackoff)
}

// restarts decides by the policy whether a container that has ended is started anew.
func restarts(policy spec.Restart, exit *spec.Exit, restarts int) bool {
	if exit.Stopped {
		return false
	}
	switch policy.Policy {
	case "always", "unless-stopped":
		return true
	case "on-failure":
		return exit.Code != 0 && (policy.Retries == 0 || uint(restarts) < policy.Retries)
	}
	return false
}

// lives takes the container through one life after the other, and returns how the last one
// ended.
func (s *server) lives(ctx context.Context) *spec.Exit {
	var wait time.Duration
	for {
		exit := s.live(ctx)
		s.lastExit = exit
		s.state.PID, s.state.PIDStart = 0, 0
		s.emitExit("died", exit.Code, nil)
		if exit.OOMKilled {
			s.emit("oom", nil)
		}
		wait = backoff(wait, exit.Finished.Sub(exit.Started))
		again := s.end.again && !exit.Stopped
		if s.end.final || !again && !restarts(s.policy(), exit, s.state.Restarts) {
			return exit
		}
		if s.pause(exit, wait); s.end.final || s.plan.Records.StopMarked(s.plan.ID) {
			exit.Stopped = s.plan.Records.StopMarked(s.plan.ID)
			return exit
		}
		if err := s.again(); err != nil {
			s.endProcess()
			if exit.Stopped = s.plan.Records.StopMarked(s.plan.ID); exit.Stopped {
				return exit // it was stopped while it began
			}
			complain(err)
			return &spec.Exit{
				Code: errs.Code(err), Error: err.Error(), Started: s.state.Started, Finished: time.Now(), Restarts: s.state.Restarts,
			}
		}
	}
}

// policy is read at the end of each life: rc update may have changed it.
func (s *server) policy() spec.Restart {
	if s.plan.Remove {
		return spec.Restart{}
	}
	c, err := s.plan.Records.Load(s.plan.ID)
	if err != nil {
		return spec.Restart{} // removed, or not to be read: no reason to go on
	}
	return c.Restart
}

// pause waits between two lives, and does what is asked meanwhile.
func (s *server) pause(exit *spec.Exit, wait time.Duration) {
	s.tellWatchers(exit.Code)
	s.state.Phase = spec.Restarting
	// In this order: a life that has ended, of a container that has not, is never to be seen.
	complain(s.plan.Records.WriteState(s.plan.ID, &s.state))
	s.record(exit)
	s.endLife()
	over := time.NewTimer(wait)
	defer over.Stop()
	for !s.end.final {
		select {
		case <-over.C:
			return
		case call := <-s.calls:
			call()
		case <-s.terminated:
			s.end.final = true
		}
	}
}

// endLife leaves of a life what the next one uses, too: mounts, the cgroup, the socket.
func (s *server) endLife() {
	if s.helper != nil {
		s.helper.stop()
		s.helper = nil
	}
	s.hangUpConsole()
	_ = s.proc.Close()
	s.poststop()
}

// endOrphans ends what a life has left. With a pid namespace of its own the kernel has done it.
func (s *server) endOrphans(ctx context.Context) {
	if ownPIDs() {
		return
	}
	if s.cgroup != nil {
		ctx, cancel := context.WithTimeout(ctx, dying)
		defer cancel()
		complain(cgroup.Empty(ctx, s.cgroup))
	}
	s.killDescendants(s.mounters)
}

// again begins another life.
func (s *server) again() error {
	restarts := s.state.Restarts + 1
	s.end = ending{}
	if err := s.fork(); err != nil {
		return err
	}
	if err := s.connect(); err != nil {
		return err
	}
	if err := s.cloneTrees(); err != nil {
		return err
	}
	if err := s.prepare(restarts); err != nil {
		return err
	}
	if err := s.proc.Run(); err != nil {
		return err
	}
	s.poststart()
	s.attend()
	s.emit("restart", nil)
	if s.ownerHere {
		return s.reportStarted()
	}
	return nil
}

// hold keeps a container that is set up from running its command until somebody says so.
func (s *server) hold() error {
	for s.state.Phase == spec.Initialized {
		select {
		case call := <-s.calls:
			call()
		case <-s.terminated:
			s.end.final = true
		}
		if s.end.final || s.plan.Records.StopMarked(s.plan.ID) {
			return errs.WithCode(errNotRunning(), errs.CodeSignal+int(unix.SIGTERM))
		}
	}
	return nil
}
