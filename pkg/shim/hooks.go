package shim

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rc-containers/rc/pkg/hook"
)

// hookLife has the first process of a life wait for the runtime's hooks, where there are any.
func (s *server) hookLife() {
	s.hooked = s.plan.Hooks.Any()
	if s.hooked {
		s.proc.Hooks = func() error {
			return hook.Run(s.plan.Hooks.CreateRuntime, &s.plan.Hooks.Container, specs.StateCreating, s.proc.PID)
		}
	}
}

// poststart runs the hooks of a command that runs. Their failure is no reason to end it.
func (s *server) poststart() {
	complain(hook.Run(s.plan.Hooks.Poststart, &s.plan.Hooks.Container, specs.StateRunning, s.proc.PID))
}

// poststop runs the hooks of a life that has ended, or that could not begin, once.
func (s *server) poststop() {
	if s.hooked {
		s.hooked = false
		complain(hook.Run(s.plan.Hooks.Poststop, &s.plan.Hooks.Container, specs.StateStopped, 0))
	}
}
