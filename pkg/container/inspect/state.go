package inspect

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

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

// NetworkSettings says how a container is connected.
type NetworkSettings struct {
	EndpointID             string
	Gateway                string
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	MacAddress             string
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	Ports                  map[string][]HostPort
	SandboxKey             string
	Networks               map[string]Endpoint `json:",omitempty"`
}

// HostPort is where a port of the container is reached.
type HostPort struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// Endpoint is a container's part in a network.
type Endpoint struct {
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	NetworkID           string
	DriverOpts          map[string]string
	IPAMConfig          map[string]string
	Links               []string
	Aliases             []string `json:",omitempty"`
}

func network(c *spec.Container, e *state.Entry) NetworkSettings {
	n := NetworkSettings{Ports: map[string][]HostPort{}}
	if c.Network.Mode != "" {
		n.Networks = map[string]Endpoint{c.Network.Mode: {NetworkID: c.Network.Mode}}
	}
	if e.Alive() && e.State != nil && e.State.PID > 0 && c.OCI.Linux != nil && spec.HasNamespace(&c.OCI, specs.NetworkNamespace) {
		n.SandboxKey = filepath.Join("/proc", fmt.Sprint(e.State.PID), "ns/net")
	}
	return n
}
