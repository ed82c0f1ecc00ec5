package shim

import (
	"time"

	"github.com/rc-containers/rc/pkg/events"
)

// emit notes an event. That it cannot be noted is no reason to do anything else.
func (s *server) emit(status string, attributes map[string]string) {
	if s.plan.Name == "" {
		return
	}
	_ = events.Append(s.plan.Records.Run, s.event(status, attributes))
}

func (s *server) emitExit(status string, code int, attributes map[string]string) {
	if s.plan.Name == "" {
		return
	}
	e := s.event(status, attributes)
	e.ExitCode = &code
	_ = events.Append(s.plan.Records.Run, e)
}

func (s *server) event(status string, attributes map[string]string) events.Event {
	return events.Event{
		Time: time.Now(), Type: "container", Status: status, ID: s.plan.ID, Name: s.plan.Name, Image: s.plan.Image, Attributes: attributes,
	}
}
