package records

import (
	"maps"
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/state"
)

// Emit notes an event of a container.
func Emit(cfg *config.Config, status string, e *state.Entry) { Note(Of(cfg), e, status, nil) }

// Note notes an event of a container, with its labels and what else there is to say. That it
// cannot be noted is no reason to do anything else.
func Note(root state.Root, e *state.Entry, status string, more map[string]string) {
	attributes := e.Labels
	if len(more) > 0 {
		attributes = maps.Clone(more)
		maps.Copy(attributes, e.Labels)
	}
	_ = events.Append(root.Run, events.Event{
		Time: time.Now(), Type: "container", Status: status, ID: e.ID, Name: e.Name, Image: e.Image, Attributes: attributes,
	})
}
