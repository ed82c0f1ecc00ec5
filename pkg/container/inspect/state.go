package inspect

import (
	"strings"
	"time"

	"github.com/rc-containers/rc/pkg/spec"
	"github.com/rc-containers/rc/pkg/state"
)

// State is a container's state.
type State struct {
	OciVersion     string
	Status         string
	Running        bool // and not paused, nor between two lives
	Paused         bool
	Restarting     bool
	OOMKilled      bool
	Dead           bool
	Pid            int
	ConmonPid      int // the shim's, where podman has conmon
	ExitCode       int
	Error          string
	StartedAt      time.Time
	FinishedAt     time.Time
	Health         Health `json:",omitzero"`
	Checkpointed   bool
	CgroupPath     string
	CheckpointedAt time.Time
	RestoredAt     time.Time
	StoppedByUser  bool   `json:",omitempty"`
	Scope          string `json:",omitempty"`
	MountProgram   string `json:",omitempty"`
}

// Health is how well a container with a healthcheck is.
type Health struct {
	Status        string
	FailingStreak int
	Log           []HealthLog
}

// HealthLog is one run of a healthcheck.
type HealthLog struct {
	Start    time.Time
	End      time.Time
	ExitCode int
	Output   string
}

// cgroupRoot is where the kernel's paths of cgroups begin.
const cgroupRoot = "/sys/fs/cgroup"

func stateOf(c *spec.Container, e *state.Entry) State {
	s := State{
		OciVersion: c.OCI.Version, Status: e.Status,
		Running: e.Status == state.Running, Paused: e.Status == state.Paused, Restarting: e.Status == state.Restarting,
		Health: health(c, e),
	}
	if e.State != nil {
		s.StartedAt = e.State.Started
		s.CgroupPath, s.Scope, s.MountProgram = strings.TrimPrefix(e.State.Cgroup, cgroupRoot), e.State.Scope, e.State.MountProgram
	} else if e.Exit != nil {
		s.StartedAt = e.Exit.Started
	}
	if e.Alive() && e.State != nil {
		s.Pid, s.ConmonPid = e.State.PID, e.State.ShimPID
		if !s.Restarting {
			return s // what its last life ended with is not its state
		}
	}
	if e.Exit != nil {
		s.ExitCode, s.FinishedAt, s.OOMKilled, s.Error = e.Exit.Code, e.Exit.Finished, e.Exit.OOMKilled, e.Exit.Error
		s.StoppedByUser = e.Exit.Stopped
	}
	return s
}

// restarts is how often the restart policy has started a container since a user did.
func restarts(e *state.Entry) int {
	switch {
	case e.State != nil:
		return e.State.Restarts
	case e.Exit != nil:
		return e.Exit.Restarts
	}
	return 0
}

// health is the zero value without a healthcheck. One that has not been made yet is
// starting, one of a container that does not run is stopped.
func health(c *spec.Container, e *state.Entry) Health {
	if c.Health == nil {
		return Health{}
	}
	h := Health{Status: spec.HealthStarting, Log: []HealthLog{}}
	if !e.Alive() {
		h.Status = spec.HealthStopped
	}
	if e.Health == nil {
		return h
	}
	if e.Alive() {
		h.Status = e.Health.Status
	}
	h.FailingStreak = e.Health.FailingStreak
	for _, r := range e.Health.Log {
		h.Log = append(h.Log, HealthLog{r.Start, r.End, r.ExitCode, r.Output})
	}
	return h
}
