package shim

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/rc-containers/rc/pkg/errs"
	"github.com/rc-containers/rc/pkg/spec"
)

// describe finds out what state.json will say.
func (s *server) describe(restarts int) error {
	s.state = spec.State{
		Restarts:     restarts,
		Cgroup:       s.place.Cgroup,
		Scope:        s.place.Scope,
		MountProgram: s.program,
	}
	var err error
	if s.state.ShimPID, s.state.ShimStart, err = s.hostPID("self"); err != nil {
		return err
	}
	if s.plan.Hold && restarts == 0 {
		s.state.Phase = spec.Initialized
	}
	s.state.PID, s.state.PIDStart, err = s.hostPIDOf(s.proc)
	return err
}

// writeState tells every later call of rc that the container runs.
func (s *server) writeState() error {
	s.state.Started = time.Now()
	if !s.plan.Remove {
		// The truth, should the shim be killed before the end: no time, and SIGKILL's code.
		s.record(&spec.Exit{Code: errs.CodeSignal + int(unix.SIGKILL), Started: s.state.Started, PID: s.state.PID, Error: "shim lost", Restarts: s.state.Restarts})
	}
	return s.plan.Records.WriteState(s.plan.ID, &s.state)
}

// record writes the exit record of a container that stays.
func (s *server) record(exit *spec.Exit) {
	if !s.plan.Remove {
		complain(s.plan.Records.WriteExit(s.plan.ID, exit))
	}
}
