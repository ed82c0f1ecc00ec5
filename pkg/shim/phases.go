package shim

import (
	"time"

	"github.com/rc-containers/rc/pkg/wire"
)

// Phase is a part of a container's start, for --debug.
type Phase struct {
	Name string
	// Took is how long it was after the phase before, or after the shim began.
	Took time.Duration
}

type phases []Phase

func (p *phases) fields(c *wire.Coder) {
	wire.List(c, (*[]Phase)(p), func(c *wire.Coder, p *Phase) { c.Text(&p.Name); wire.Number(c, &p.Took) })
}

// phase notes that one is over, where somebody wants to know. A start has a dozen of them.
func (s *server) phase(name string) {
	if !s.plan.Phases {
		return
	}
	now := time.Now()
	s.phases = append(s.phases, Phase{name, now.Sub(s.phased)})
	s.phased = now
}

// tellPhases is once, before the owner hears that the command runs. Later lives are not measured.
func (s *server) tellPhases() error {
	if !s.plan.Phases {
		return nil
	}
	s.plan.Phases = false
	told := s.phases
	s.phases = nil
	return s.owner.Send(encode(msgPhases, told.fields))
}
