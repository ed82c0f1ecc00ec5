package container

import (
	"time"

	"github.com/rc-containers/rc/pkg/config"
	"github.com/rc-containers/rc/pkg/events"
	"github.com/rc-containers/rc/pkg/state"
)

// emit notes an event of a container. That it cannot be noted is no reason to do anything
// else.
func emit(cfg *config.Config, status string, e *state.Entry) {
	_ = events.Append(cfg.RunRoot, events.Event{
		Time: time.Now(), Type: "container", Status: status, ID: e.ID, Name: e.Name, Image: e.Image,
	})
}
